import { buildModel } from '../../../model/model.ts'
import { presetLayers } from '../../../model/presets.ts'
import type { Blocks } from '../graph/layers/blocked-kernels.ts'
import { GROUP } from '../graph/layers/image-sums.ts'
import { widestBytes } from '../graph/micro-batch-size.ts'
import { openSteps } from './some-steps.ts'

const MODEL = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)
const BATCH = 64
const SIZES = [GROUP, 2 * GROUP]
/** What a micro-batch must save of the time of a step to be worth its operators: less is noise. */
const LEAST_GAIN = 0.02
const TURNS = 6

/** Seconds that a step takes with each of `sizes` as micro-batch, the shortest of several turns. */
type TimeSteps = (block: number, sizes: readonly (number | undefined)[]) => Promise<number[]>

/**
 * How many bytes of a layer's output this processor likes to have at a time: those of the micro-batch with which it trains
 * the reference CNN fastest. 0 if it trains fastest on whole batches. The size of its caches alone does not tell: on a core
 * with a quick third-level cache whole batches are faster, for they start fewer operators.
 */
export async function measureCache(block: number, timeSteps: TimeSteps = timed): Promise<number> {
  const [whole, ...parts] = await timeSteps(block, [undefined, ...SIZES])
  const best = Math.min(...parts)
  return best < (1 - LEAST_GAIN) * whole! ? SIZES[parts.indexOf(best)]! * widestBytes(MODEL) : 0
}

async function timed(block: number, sizes: readonly (number | undefined)[]): Promise<number[]> {
  const blocks = sizes.map((size): Blocks => ({ block, batch: BATCH, ...(size && { microBatch: size }) }))
  const trained = await Promise.all(blocks.map((one) => openSteps(MODEL, { steps: 2, batch: BATCH }, one)))
  try {
    const seconds = sizes.map(() => Number.POSITIVE_INFINITY)
    // The first turn is not counted: it warms up.
    for (let turn = 0; turn <= TURNS; turn++) {
      for (const [i, { run }] of trained.entries()) {
        const began = performance.now()
        await run()
        if (turn > 0) seconds[i] = Math.min(seconds[i]!, (performance.now() - began) / 1000)
      }
    }
    return seconds
  } finally {
    await Promise.all(trained.map(({ release }) => release()))
  }
}
