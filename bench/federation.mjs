// How long a round over the broker takes besides training, and whether memory stays flat over 200 rounds:
// node bench/federation.mjs [--only text] [--rounds n] [--out FILE]
// Needs nats-server on the PATH, a built program (npm run build) and Fashion-MNIST.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { locateFashionMnist } from '../build/data/fashion-mnist/locate.js'
import { freePort } from '../build/demo/local-broker.js'
import { file } from './children.mjs'
import { json, median } from './figures.mjs'
import { inFolder } from './folder.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    data: { type: 'string' },
    only: { type: 'string', default: '' },
    out: { type: 'string' },
  },
})
const program = file('../dist/bin.js')
const data = (await locateFashionMnist({ dir: values.data })).dir

const dense = (...units) => [
  { type: 'flatten' },
  ...units.flatMap((n) => [{ type: 'dense', units: n }, { type: 'relu' }]),
  { type: 'dense', units: 10 },
]
const CASES = [
  { name: '2 owners, 5 MB of weights', owners: 2, images: 400, model: dense(1570), atMost: 0.6 },
  { name: '2 owners, 96 MB of weights', owners: 2, images: 400, model: dense(4500, 4500), atMost: 6, rounds: 5 },
  ...[2, 8, 32, 100].map((owners) => ({
    name: `${owners} owners, 32 kB of weights`,
    owners,
    images: 70 * owners,
    model: dense(10),
  })),
  { name: '200 rounds of 2 owners, 5 MB of weights', owners: 2, images: 400, model: dense(1570), rounds: 200 },
].filter(({ name }) => name.includes(values.only))

/** Starts a process whose output goes nowhere but its last lines, for errors. */
function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said = (said + text).slice(-4000)))
  const ended = new Promise((resolve) => child.on('close', (code) => resolve({ code, said })))
  return { child, ended }
}

/** Memory of processes, in MiB, looked at twice a second: { name: [..] }. Linux only. */
function watchMemory(processes) {
  const seen = Object.fromEntries(Object.keys(processes).map((name) => [name, []]))
  const timer = setInterval(() => {
    for (const [name, { child }] of Object.entries(processes))
      try {
        const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
        if (kb !== undefined) seen[name].push(Number(kb) / 1024)
      } catch {} // it has ended
  }, 500)
  return { seen, stop: () => clearInterval(timer) }
}

/** The median of the second and of the last fifth: the first fifth holds what start-up leaves behind. */
const earlyAndLate = (list) => {
  const fifth = Math.floor(list.length / 5)
  return { early: Math.round(median(list.slice(fifth, 2 * fifth))), late: Math.round(median(list.slice(-fifth))) }
}

/** @returns seconds besides training of each round but the first, and the memory of each party */
async function measure({ owners, images, model, rounds = Number(values.rounds) }) {
  return await inFolder(async (folder) => {
    const port = await freePort()
    const dir = join(folder, 'federation')
    const names = Array.from({ length: owners }, (_, i) => `owner-${i + 1}`)
    const init = ['federation', 'init', dir, '--owners', names.join(), '--port', String(port)]
    await start(process.execPath, [program, ...init]).ended
    const broker = start('nats-server', ['-c', 'nats.conf', '-a', '127.0.0.1'], { cwd: join(dir, 'broker') })
    const experiment = join(folder, 'bench.json')
    const out = join(folder, 'out')
    writeFileSync(experiment, JSON.stringify({ env: 'V', images, model, rounds, batch: 32, owners, out }))
    const parties = names.map((name) =>
      start(process.execPath, [
        program,
        'join',
        '--federation',
        join(dir, 'owners', name),
        '--shard',
        '--data',
        data,
        '--device',
        'cpu',
        '--once',
      ]),
    )
    const args = ['serve', experiment, '--federation', join(dir, 'server'), '--run-id', 'run', '--quiet']
    const server = start(process.execPath, [program, ...args])
    const memory = watchMemory({ broker, server, owner: parties[0] })
    try {
      const { code, said } = await server.ended
      if (code !== 0) throw new Error(said)
      const events = readFileSync(join(out, 'bench', 'run', 'events.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const finished = events.filter(({ type }) => type === 'round-finished').slice(1)
      const seconds = finished.map(({ seconds, locals }) => {
        const trained = Math.max(...locals.map((local) => local.seconds))
        return seconds.train + seconds.merge + seconds.evaluate - trained
      })
      return { seconds, memory: memory.seen }
    } finally {
      memory.stop()
      for (const { child } of parties) child.kill('SIGKILL')
      await Promise.all(parties.map(({ ended }) => ended))
      broker.child.kill('SIGTERM')
      await broker.ended
    }
  })
}

const results = []
for (const one of CASES) {
  const { seconds, memory } = await measure(one)
  const target =
    one.atMost === undefined ? '' : `  at most ${one.atMost} s: ${median(seconds) <= one.atMost ? 'met' : 'missed'}`
  console.log(`${one.name.padEnd(28)} ${median(seconds).toFixed(3)} s a round besides training${target}`)
  // Shorter runs end before a party's memory has settled.
  const mebibytes =
    seconds.length < 100
      ? undefined
      : Object.fromEntries(Object.entries(memory).map(([party, list]) => [party, earlyAndLate(list)]))
  for (const [party, { early, late }] of Object.entries(mebibytes ?? {}))
    console.log(`  memory of the ${party}: ${early} MiB early, ${late} MiB late`)
  results.push({
    name: one.name,
    at_most: one.atMost ?? null,
    rounds: seconds.length,
    median_seconds: Number(median(seconds).toFixed(4)),
    seconds: seconds.map((one) => Number(one.toFixed(4))),
    ...(mebibytes && { mebibytes }),
  })
}
if (values.out) writeFileSync(values.out, json({ format: 1, results }))
