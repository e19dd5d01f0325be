import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { file, flags } from '../children.mjs'
import { inFolder } from '../folder.mjs'

/**
 * From the start of the process to the first training. The first mark that fedunify gives is that of an owner's first
 * chunk of 25 steps: it is judged, though it comes later than the first step. How much later is told by the next chunk.
 */
export const start = {
  name: 'start',
  about: 'seconds from the start of the process to the first training, dataset cached',
  async measure({ times, data, pin, note }) {
    await marks(data, pin) // brings the files into the system's cache
    const starts = []
    const count = times(7, 2)
    for (let i = 0; i < count; i++) {
      starts.push(await marks(data, pin))
      note(`start ${i + 1} of ${count}: ${starts.at(-1).chunk.toFixed(2)} s to the end of the first chunk`)
    }
    const series = (key, name, target) => ({
      key,
      name: `start: ${name}`,
      unit: 's',
      digits: 3,
      values: starts.map((one) => one[key]),
      target,
    })
    return {
      settings: { workers: 2 },
      series: [
        series('started', 'data loaded, run folder made'),
        series('step', 'first step, from the end of its chunk less 24 of 25 steps'),
        series('chunk', 'first 25 steps done', { atMost: 1.2 }),
      ],
    }
  },
}

/** Seconds from spawning `fedunify run` with its defaults to its first events; it is then interrupted. */
const marks = (data, pin) =>
  inFolder(async (out) => {
    const options = flags({ workers: 2, data, out, name: 'bench', 'run-id': 'run' })
    const [program, ...args] = pin(2, [process.execPath, file('../dist/bin.js'), 'run', '--json', ...options])
    const began = performance.now()
    const seconds = () => (performance.now() - began) / 1000
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const closed = once(child, 'close')
    let said = ''
    child.stderr.on('data', (text) => {
      said += text
    })
    let started
    let first
    for await (const line of createInterface({ input: child.stdout })) {
      const { type, owner } = JSON.parse(line)
      if (type === 'started') started = seconds()
      if (type !== 'owner-progress') continue
      if (first === undefined) first = { owner, at: seconds() }
      else if (owner === first.owner) {
        const next = seconds() - first.at
        child.kill('SIGINT')
        await closed
        return { started, step: first.at - (24 / 25) * next, chunk: first.at }
      }
    }
    throw new Error(`fedunify run ended before its second chunk: ${said.trim()}`)
  })
