import { findBlocked } from '../../build/engine/onnx/machine/find-blocked.js'
import { file, flags } from '../children.mjs'
import { otherDetails, rateSeries, takeTurns } from '../turns.mjs'
import { trainingSettings } from './training.mjs'

const SIDES = [
  { key: 'whole', name: 'training: whole batches of 64', size: 0 },
  { key: 'micro_16', name: 'training: micro-batches of 16', size: 16 },
  { key: 'micro_32', name: 'training: micro-batches of 32', size: 32 },
]

/** Training in micro-batches beside whole batches, whichever of them this machine takes, on one core. */
export const microBatches = {
  name: 'micro-batches',
  about: 'images/s of training in micro-batches of 16 and 32 images, beside whole batches',
  async measure({ quick, times, data, pin, note }) {
    const found = await findBlocked()
    if (!('block' in found)) throw new Error(found.why)
    const settings = trainingSettings(quick)
    const command = [process.execPath, file('fedunify-engine.mjs'), 'train']
    const sides = SIDES.map(({ key, name, size }) => ({
      key,
      name,
      commands: [pin(1, [...command, ...flags({ ...settings, data, 'micro-batch': size })])],
    }))
    const { measured, versions } = await takeTurns(sides, times(7, 2), note)
    return {
      versions,
      settings: { model: 'cnn', optimizer: 'sgd', ...settings },
      series: rateSeries(Object.fromEntries(SIDES.map(({ key, name }) => [key, name])), measured),
      ratios: SIDES.slice(1).map(({ key, name }) => ({
        key: `${key}_to_whole`,
        name: `${name} / whole`,
        over: key,
        under: 'whole',
      })),
      details: { found_here: { cache_bytes: found.cacheBytes }, ...otherDetails(measured) },
    }
  },
}
