// Runs `fedunify` with the arguments given; prints seconds and peak memory (MiB) of its process as JSON.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { file } from './children.mjs'

/** Loaded by the process first: it writes its own peak (in kB) as the last line of stderr. */
const TELL = 'process.on("exit", () => process.stderr.write("\\npeak " + process.resourceUsage().maxRSS + "\\n"))'

const began = performance.now()
const child = spawn(
  process.execPath,
  [`--import=data:text/javascript,${encodeURIComponent(TELL)}`, file('../dist/bin.js'), ...process.argv.slice(2)],
  { stdio: ['ignore', 'ignore', 'pipe'] },
)
let said = ''
child.stderr.on('data', (text) => {
  said += text
})
const [code] = await once(child, 'close')
if (code !== 0) throw new Error(`fedunify ended with ${code}: ${said.trim()}`)
const seconds = (performance.now() - began) / 1000
console.log(JSON.stringify({ seconds, mib: Number(/peak (\d+)/.exec(said)[1]) / 1024 }))
