// How much faster two workers do a batch of eight runs than one does: fedunify batch --on, with a broker of its own on
// this machine, each worker on one core. The clock runs from the start of the batch, with its workers waiting, to its end.
// Prints a line for each turn, and the ratio of the medians; with --out they go to a JSON file too. A run takes about
// eleven seconds of one core: to start one takes half a second, whoever does it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { locateFashionMnist } from '../build/data/fashion-mnist/locate.js'
import { freePort } from '../build/demo/local-broker.js'
import { file } from './children.mjs'
import { json, median } from './figures.mjs'
import { inFolder } from './folder.mjs'
import { pinning } from './machine.mjs'
import { inTurns } from './turns.mjs'

const TARGET = 1.8

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '7' },
    cores: { type: 'string', default: '0,1' },
    data: { type: 'string' },
    images: { type: 'string', default: '14000' },
    rounds: { type: 'string', default: '5' },
    out: { type: 'string' },
  },
})

const cores = values.cores.split(',').map(Number)
const { dir: DATA } = await locateFashionMnist({ dir: values.data })
const BINARY = file('../dist/bin.js')

/** Starts a program, whose lines on stderr `says` waits for. */
function begin([program, ...args], options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    text += piece
  })
  const ended = once(child, 'close')
  const says = async (what) => {
    while (!text.includes(what)) {
      if (child.exitCode !== null) throw new Error(`${program} ended before it said ${what}:\n${text}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const end = async (signal) => {
    child.kill(signal)
    await ended
  }
  return { ended, says, end, text: () => text }
}

/** Seconds of the batch with so many workers. */
async function measure(count, folder) {
  mkdirSync(folder)
  const port = await freePort()
  const url = `nats://127.0.0.1:${port}`
  const broker = begin(['nats-server', '-js', '-sd', join(folder, 'store'), '-a', '127.0.0.1', '-p', String(port)])
  const workers = []
  try {
    await broker.says('Server is ready')
    for (const core of cores.slice(0, count)) {
      const command = [process.execPath, BINARY, 'worker', '--on', url, '--workers', '1', '--data', DATA]
      workers.push(begin(pinning([core]).pin(1, command)))
    }
    for (const worker of workers) await worker.says('waits for runs')
    const experiment = join(folder, 'eight.yaml')
    const given = { seeds: 8, rounds: Number(values.rounds), images: Number(values.images) }
    writeFileSync(experiment, JSON.stringify({ ...given, out: join(folder, 'results') }))
    const began = performance.now()
    const batch = begin([process.execPath, BINARY, 'batch', '--on', url, experiment])
    const [code] = await batch.ended
    if (code !== 0) throw new Error(`the batch ended with ${code}:\n${batch.text()}`)
    return (performance.now() - began) / 1000
  } finally {
    for (const worker of workers) await worker.end('SIGKILL')
    await broker.end('SIGKILL')
  }
}

await inFolder(async (folder) => {
  const seconds = { 1: [], 2: [] }
  for (const [count, turn] of inTurns([1, 2], Number(values.turns))) {
    const took = await measure(count, join(folder, `${seconds[count].length}-${count}`))
    seconds[count].push(took)
    console.log(`${turn}: ${count === 1 ? 'one worker' : 'two workers'}: ${took.toFixed(1)} s`)
  }
  const ratio = median(seconds[1]) / median(seconds[2])
  const rounded = (list) => list.map((one) => Number(one.toFixed(2)))
  const result = {
    name: 'a batch of 8 runs, two workers / one',
    at_least: TARGET,
    ratio: Number(ratio.toFixed(3)),
    one_worker_seconds: rounded(seconds[1]),
    two_workers_seconds: rounded(seconds[2]),
  }
  if (values.out) writeFileSync(values.out, json({ format: 1, results: [result] }))
  const pinned = pinning(cores).cores ? `, each on one of the cores ${values.cores}` : ', not kept on cores'
  console.log(`two workers do the batch ${ratio.toFixed(2)} times as fast as one${pinned} (must reach ${TARGET})`)
})
