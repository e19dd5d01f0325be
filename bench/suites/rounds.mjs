import { readFile } from 'node:fs/promises'
import { flags } from '../children.mjs'
import { median } from '../figures.mjs'
import { fedunifyRun } from '../whole-run.mjs'

const PARTS = ['total', 'train', 'merge', 'evaluate', 'write']

/** Models are evaluated in the last of ten rounds, nine of which are measured. */
const SELDOM = { rounds: 10, 'evaluate-every': 10 }

/** What of a round's wall time is not training, and what memory a whole run takes. */
export const rounds = {
  name: 'rounds',
  about: 'what of a round is not training; the peak memory of a whole run',
  async measure({ quick, times, data, pin, note }) {
    const settings = { rounds: quick ? 2 : 3, owners: 2, workers: 2, ...(quick && { images: 14_000 }) }
    const runs = []
    const seldom = []
    const count = times(7, 1)
    for (let i = 0; i < count; i++) {
      runs.push(await wholeRun(settings, data, pin))
      seldom.push(await wholeRun({ ...settings, ...SELDOM }, data, pin))
      const [each, tenth] = [runs, seldom].map((kind) => kind.at(-1).rest.toFixed(1))
      note(`turn ${i + 1} of ${count}: ${each} % of a round is not training, ${tenth} % with evaluate-every 10`)
    }
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
          values: seldom.map(({ rest }) => rest),
          target: { atMost: 2 },
        },
        { key: 'peak_mib', name: 'whole run, 2 workers: peak memory', unit: 'MiB', values: values('peak') },
      ],
      details: { median_seconds: Object.fromEntries(PARTS.map((part) => [part, secondsOf(part)])) },
    }
  },
}

/** The first round is left out: it warms up, and has no round before it to end. */
async function wholeRun(settings, data, pin) {
  const { rounds, peak, seconds } = await fedunifyRun(pin, flags({ ...settings, data }), async (folder) =>
    JSON.parse(await readFile(`${folder}/manifest.json`, 'utf8')),
  )
  const wall = (rounds.at(-1).at - rounds[0].at) / 1000
  // Owners train at once: the one that takes longest is what the round waits for.
  const trained = rounds.slice(1).reduce((sum, { owners }) => sum + Math.max(...owners), 0)
  const trainPhase = rounds.slice(1).reduce((sum, { train }) => sum + train, 0)
  return { rest: 100 * (1 - trained / wall), after: 100 * (1 - trainPhase / wall), peak, seconds }
}
