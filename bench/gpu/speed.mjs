// Images/s of training and the time of a round, of fedunify on each device and of PyTorch, in turn.
// `node speed.mjs FOLDER SECONDS [--quick]`: begins no turn after so many seconds. The first round of each run warms up.

import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median } from '../figures.mjs'
import { CPU_SIDE, DATA, fedunifyRun, GPU_SIDES } from './sides.mjs'

const [out, seconds, quick] = process.argv.slice(2)
const ROUNDS = quick ? 2 : 4
const LIMIT = quick ? 600 : 150
const TORCH = fileURLToPath(new URL('torch_cuda.py', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'fedunify-speed-'))
const samples = []
/** Why a side has no figures; it is not tried again. */
const failed = new Map()

const runs = [
  ...GPU_SIDES.map((side) => ({ key: side.key, run: (turn) => fedunify(side, turn) })),
  { key: 'torch', run: torch },
]
const begin = performance.now()
for (let turn = 1; turn === 1 || performance.now() - begin < seconds * 1000; turn++) {
  for (let i = 0; i < runs.length; i++) await measure(runs[(turn - 1 + i) % runs.length], turn)
  write()
  if (quick) break
}
// The processor is no rival here, so once is enough: two owners in two threads.
await measure({ key: CPU_SIDE.key, run: (turn) => fedunify(CPU_SIDE, turn) }, 1)
write()

async function measure({ key, run }, turn) {
  if (failed.has(key)) return
  try {
    await run(turn)
  } catch (error) {
    failed.set(key, error.message.split('\n')[0])
    console.log(`${key} failed: ${error.message}`)
  }
}

/** The default experiment, split as in Table 4: cnn, batches of 64, SGD with a learning rate of 0.1. */
async function fedunify(side, turn) {
  const run = {
    env: 'H',
    rounds: side.rounds ?? ROUNDS,
    out: folder,
    name: side.key,
    'run-id': turn,
    ...(quick && { images: 700 }),
  }
  note(side.key, side.precision, turn, await fedunifyRun(side, run, LIMIT))
}

async function torch(turn) {
  const args = [TORCH, '--data', DATA, '--rounds', String(ROUNDS), ...(quick ? ['--images', '700'] : [])]
  const { stdout } = await promisify(execFile)('python3', args, { timeout: LIMIT * 1000 })
  for (const { key, precision, rounds } of JSON.parse(stdout)) note(key, precision, turn, rounds)
}

function note(key, precision, turn, rounds) {
  for (const [i, round] of rounds.entries()) samples.push({ key, precision, turn, round: i + 1, ...round })
  const { seconds, rates, accuracy } = rounds.at(-1)
  console.log(
    `turn ${turn}: ${key}: ${Math.round(rates[0])} images/s, round ${seconds?.toFixed(2)} s, accuracy ${accuracy}`,
  )
}

function write() {
  const lines = samples.map((s) =>
    [
      s.key,
      s.precision,
      s.turn,
      s.round,
      s.seconds?.toFixed(3),
      ...s.rates.map(Math.round),
      s.loss.toFixed(4),
      s.accuracy,
    ].join(),
  )
  const head = 'side,precision,turn,round,round_seconds,owner1_images_per_s,owner2_images_per_s,mean_loss,accuracy'
  writeFileSync(join(out, 'speed-samples.csv'), `${[head, ...lines].join('\n')}\n`)

  const warm = samples.filter(({ round }) => round > 1)
  const keys = [...new Set(warm.map(({ key }) => key))]
  const rows = keys.map((key) => {
    const mine = warm.filter((sample) => sample.key === key)
    const rates = mine.flatMap((sample) => sample.rates)
    const times = mine.map((sample) => sample.seconds)
    return [key, mine[0].precision, mine.length, ...spread(rates, 0), ...spread(times, 3), ''].join()
  })
  const without = [...failed].map(([key, why]) => `${key},,0,,,,,,,"${why.replaceAll('"', "'")}"`)
  const title =
    'side,precision,rounds,images_per_s_median,images_per_s_min,images_per_s_max,round_s_median,round_s_min,round_s_max,note'
  writeFileSync(join(out, 'speed.csv'), `${[title, ...rows, ...without].join('\n')}\n`)
}

function spread(values, digits) {
  return [median(values), Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits))
}
