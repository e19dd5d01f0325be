// A whole `fedunify run` with the arguments given, in this process. Prints one JSON line: the peak memory in MiB, and of
// each round the milliseconds since this process began, the resident MiB and the seconds that each owner trained.
// Started by suites.

import { main } from '../build/cli/main.js'

const MIB = 2 ** 20
const rounds = []
let owners = []

function out(line) {
  const event = JSON.parse(line)
  if (event.type === 'owner-trained') owners.push(event.seconds)
  if (event.type !== 'round-finished') return
  rounds.push({ at: performance.now(), memory: process.memoryUsage.rss() / MIB, owners, ...event.seconds })
  owners = []
}

process.exitCode = await main(['run', '--json', '--quiet', ...process.argv.slice(2)], {
  out,
  err: (text) => process.stderr.write(text),
  terminal: undefined,
  colors: { out: false, err: false },
  signal: new AbortController().signal,
})
console.log(JSON.stringify({ rounds, peak: process.resourceUsage().maxRSS / 1024 }))
