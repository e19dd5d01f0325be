import { dp } from './dp.mjs'
import { drawn } from './drawn.mjs'
import { forward } from './forward.mjs'
import { masks } from './masks.mjs'
import { memory } from './memory.mjs'
import { merge } from './merge.mjs'
import { microBatches } from './micro-batches.mjs'
import { offline } from './offline.mjs'
import { operators } from './operators.mjs'
import { owners } from './owners.mjs'
import { rounds } from './rounds.mjs'
import { start } from './start.mjs'
import { training } from './training.mjs'
import { uneven } from './uneven.mjs'

/**
 * What a suite is given.
 * @typedef {object} Bench
 * @property {boolean} quick to show that it works, in less time and with worse figures
 * @property {(normal: number, quick: number) => number} times how often to measure; --runs decides if given
 * @property {(side: { key: string }) => boolean} isWanted whether to measure this; --skip decides
 * @property {string} data folder with Fashion-MNIST
 * @property {string | undefined} python one that has a fair PyTorch
 * @property {number} peak the most GFLOP/s of one core, as measured just before
 * @property {(threads: number, command: string[]) => string[]} pin keeps a command on so many cores
 * @property {(text: string) => void} note tells people how it goes
 */

/**
 * What a suite gives: its samples. Medians, ratios and targets are figures.mjs's to work out.
 * @typedef {object} Measured
 * @property {object} settings what was measured, for the JSON file
 * @property {import('../figures.mjs').Series[]} series
 * @property {import('../figures.mjs').Ratio[]} [ratios]
 * @property {object} [versions] of what computed
 * @property {object} [details] anything else for the JSON file
 */

/** @type {{ name: string, about: string, measure(bench: Bench): Promise<Measured> }[]} */
export const SUITES = [
  training,
  microBatches,
  operators,
  forward,
  rounds,
  start,
  merge,
  offline,
  owners,
  drawn,
  uneven,
  memory,
  dp,
  masks,
]
