import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { alone, file, flags } from '../children.mjs'
import { median } from '../figures.mjs'
import { inFolder } from '../folder.mjs'

const PARTS = ['total', 'train', 'merge', 'evaluate', 'write']

/** A long run, in which models are evaluated in every tenth round and the last. */
const SELDOM = { rounds: 31, 'evaluate-every': 10 }

/** What of a round's wall time is not training, and what memory a whole run takes. */
export const rounds = {
  name: 'rounds',
  about: 'what of a round is not training; the peak memory of a whole run',
  async measure({ quick, times, data, pin, note }) {
    const settings = { rounds: quick ? 2 : 3, owners: 2, workers: 2, ...(quick && { images: 14_000 }) }
    const runs = []
    const count = times(3, 1)
    for (let i = 0; i < count; i++) {
      runs.push(await wholeRun(settings, data, pin))
      note(`whole run ${i + 1} of ${count}: ${runs.at(-1).rest.toFixed(1)} % of a round is not training`)
    }
    const seldom = await wholeRun({ ...settings, ...SELDOM }, data, pin)
    note(`with evaluate-every ${SELDOM['evaluate-every']}: ${seldom.rest.toFixed(1)} % of a round is not training`)
    const values = (key) => runs.map((run) => run[key])
    const secondsOf = (part) => Number(median(runs.map(({ seconds }) => seconds[part])).toFixed(3))
    return {
      settings,
      series: [
        {
          key: 'rest',
          name: 'round: all but training, local evaluation counted as rest',
          unit: '%',
          digits: 1,
          values: values('rest'),
          target: { atMost: 6 },
        },
        {
          key: 'rest_after_owners',
          name: 'round: all after the owners are done',
          unit: '%',
          digits: 1,
          values: values('after'),
          target: { atMost: 6 },
        },
        {
          key: 'rest_seldom',
          name: `round: all but training, evaluate-every ${SELDOM['evaluate-every']}, ${SELDOM.rounds} rounds`,
          unit: '%',
          digits: 1,
          values: [seldom.rest],
          target: { atMost: 3 },
        },
        { key: 'peak_mib', name: 'whole run, 2 workers: peak memory', unit: 'MiB', values: values('peak') },
      ],
      details: { median_seconds: Object.fromEntries(PARTS.map((part) => [part, secondsOf(part)])) },
    }
  },
}

/** `fedunify run` on Fashion-MNIST. The first round is left out: it warms up, and has no round before it to end. */
function wholeRun(settings, data, pin) {
  return inFolder(async (out) => {
    const options = { ...settings, data, out, name: 'bench', 'run-id': 'run' }
    const { rounds, peak } = await alone(pin(2, [process.execPath, file('fedunify-run.mjs'), ...flags(options)]))
    const wall = (rounds.at(-1).at - rounds[0].at) / 1000
    // Owners train at once: the one that takes longest is what the round waits for.
    const trained = rounds.slice(1).reduce((sum, { owners }) => sum + Math.max(...owners), 0)
    const trainPhase = rounds.slice(1).reduce((sum, { train }) => sum + train, 0)
    const { seconds } = JSON.parse(await readFile(join(out, 'bench', 'run', 'manifest.json'), 'utf8'))
    return { rest: 100 * (1 - trained / wall), after: 100 * (1 - trainPhase / wall), peak, seconds }
  })
}
