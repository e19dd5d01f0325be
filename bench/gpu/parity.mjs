// The same small runs on every device: how far do their weights and accuracies lie from those of the CPU?
// `node parity.mjs OUT.csv [--quick]`. Two owners; each trains so many steps; the weights compared are their mean.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CPU_SIDE, fedunifyRun, GPU_SIDES } from './sides.mjs'

const [out, quick] = process.argv.slice(2)
/** Six sevenths of the images are trained on, half of them by each owner: here in whole batches of 64. */
const WHOLE = [
  { steps: 1, images: 149, optimizer: 'sgd', lr: 0.1 },
  { steps: 3, images: 448, optimizer: 'sgd', lr: 0.1 },
  { steps: 10, images: 1493, optimizer: 'sgd', lr: 0.1 },
  { steps: 100, images: 14_933, optimizer: 'sgd', lr: 0.1 },
  { steps: 100, images: 14_933, optimizer: 'momentum', lr: 0.01 },
]
/** The last of the three batches has 63 images: a multiple of 3, and none of 4 (see README.md). */
const LAST_OF_63 = { steps: 3, images: 447, optimizer: 'sgd', lr: 0.1 }
const RUNS = [...(quick ? WHOLE.slice(0, 3) : WHOLE), LAST_OF_63]
const BASE = { ...CPU_SIDE, layout: 'standard' }
/** Two layouts on one processor show what order of additions alone comes to. */
const SIDES = [{ ...CPU_SIDE, key: 'onnx_cpu_blocked', layout: 'blocked' }, ...GPU_SIDES]
const folder = mkdtempSync(join(tmpdir(), 'fedunify-parity-'))

const [base, ...others] = await Promise.all([BASE, ...SIDES].map(runsOf))
const rows = []
for (const [number, side] of SIDES.entries()) {
  const runs = others[number]
  for (const [i, { steps, images, optimizer }] of RUNS.entries()) {
    const expected = base[i]
    const { weights, accuracy, note = '' } = runs[i]
    const apart = weights ? distance(expected.weights, weights) : { largest: '', relative: '' }
    rows.push([
      side.key,
      side.precision,
      optimizer,
      steps,
      images,
      apart.largest,
      apart.relative,
      expected.accuracy,
      accuracy,
      note,
    ])
  }
}
const HEAD = 'side,precision,optimizer,steps,images,largest_difference,relative_difference,accuracy_cpu,accuracy,note'
const csv = [HEAD, ...rows.map((row) => row.map(cell).join(','))].join('\n')
writeFileSync(out, `${csv}\n`)
console.log(csv)

async function runsOf(side) {
  const results = []
  for (const [i, { images, optimizer, lr }] of RUNS.entries()) {
    const flags = { env: 'V', rounds: 1, images, optimizer, lr, out: folder, name: side.key, 'run-id': i }
    try {
      const [{ accuracy }] = await fedunifyRun(side, flags, quick ? 300 : 60)
      const weights = floats(join(folder, side.key, String(i), 'model.safetensors'))
      results.push({ accuracy, weights })
    } catch (error) {
      if (side === BASE) throw error
      results.push({ accuracy: '', note: error.message.split('\n')[0] })
    }
  }
  return results
}

/** All weights of a safetensors file, in the order in which they are there. */
function floats(file) {
  const content = readFileSync(file)
  const start = 8 + Number(content.readBigUInt64LE(0))
  return new Float32Array(Uint8Array.from(content.subarray(start)).buffer)
}

/** Largest difference of any weight, and the length of the difference over that of the weights. */
function distance(expected, got) {
  let [largest, apart, length] = [0, 0, 0]
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs(value - got[i])
    if (!(difference <= largest)) largest = difference
    apart += difference ** 2
    length += value ** 2
  }
  return { largest: largest.toExponential(2), relative: Math.sqrt(apart / length).toExponential(2) }
}

function cell(value) {
  const text = String(value)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
