import { flags } from '../children.mjs'
import { fedunifyRun } from '../whole-run.mjs'

/** Owners of uneven shards, some with ten times the images of others. */
const SHARDS = { owners: 10, env: 'dirichlet:alpha=0.1' }

/** How long workers stand idle while owners of uneven shards train. */
export const uneven = {
  name: 'uneven',
  about: 'how long workers stand idle in a round of ten owners with uneven shards',
  async measure({ quick, times, data, pin, note }) {
    // The first round warms up, and in the last one models are evaluated: neither counts.
    const settings = { ...SHARDS, workers: 2, rounds: 4, 'evaluate-every': 4, ...(quick && { images: 14_000 }) }
    const count = times(7, 1)
    const idle = []
    for (let i = 0; i < count; i++) {
      const { rounds } = await fedunifyRun(pin, flags({ ...settings, data, seed: i + 1 }))
      idle.push(100 * idleShare(rounds.slice(1, -1), settings.workers))
      note(`run ${i + 1} of ${count}: workers stand idle for ${idle.at(-1).toFixed(1)} % of the training`)
    }
    return {
      settings,
      series: [
        {
          key: 'idle',
          name: 'uneven: idle time of two workers, 10 owners, alpha 0.1',
          unit: '%',
          digits: 1,
          values: idle,
          target: { atMost: 5 },
        },
      ],
    }
  },
}

/** What of the workers' time in the training of rounds is no owner's. */
function idleShare(rounds, workers) {
  const trained = rounds.flatMap(({ owners }) => owners).reduce((sum, seconds) => sum + seconds, 0)
  return 1 - trained / (workers * rounds.reduce((sum, { train }) => sum + train, 0))
}
