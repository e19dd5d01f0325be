import { flags } from '../children.mjs'
import { inTurns } from '../turns.mjs'
import { fedunifyRun } from '../whole-run.mjs'

/** Owners of seven images each, of whom a hundred train in a round: all there are, or a hundredth of them. */
const KINDS = {
  drawn: { owners: 10_000, participants: '{ fraction: 0.01 }' },
  alone: { owners: 100, images: 700 },
}

/** What owners cost that do not train. */
export const drawn = {
  name: 'drawn',
  about: 'a round in which 100 of 10,000 owners train, beside one of these 100 alone, and its memory',
  async measure({ quick, times, data, pin, note }) {
    // The first round warms up, and in the last one models are evaluated: neither counts.
    const rounds = quick ? 6 : 42
    const settings = { workers: 2, rounds, 'evaluate-every': rounds }
    const measured = { drawn: [], alone: [] }
    for (const [kind, turn] of inTurns(Object.keys(KINDS), times(7, 1))) {
      const run = await fedunifyRun(pin, flags({ ...settings, ...KINDS[kind], data }))
      const figures = figuresOf(run.rounds, settings.workers)
      measured[kind].push({ peak: run.peak, ...figures })
      const owners = kind === 'drawn' ? '100 of 10,000 owners' : '100 owners'
      note(`${turn}: ${owners}: ${figures.milliseconds.toFixed(0)} ms a round`)
    }
    const series = (key, kind, what, more) => {
      const values = measured[kind].map((run) => run[what])
      return { key, values, ...more, name: `drawn: ${more.name}` }
    }
    return {
      settings: { ...settings, ...KINDS },
      series: [
        series('drawn', 'drawn', 'milliseconds', { name: 'a round of 100 of 10,000 owners', unit: 'ms' }),
        series('alone', 'alone', 'milliseconds', { name: 'a round of 100 owners', unit: 'ms' }),
        series('rest', 'drawn', 'rest', { name: 'all but training, 100 of 10,000', unit: '%', digits: 1 }),
        series('peak_mib', 'drawn', 'peak', { name: 'peak memory', unit: 'MiB', target: { atMost: 1430 } }),
      ],
      ratios: [
        {
          key: 'drawn_to_alone',
          name: 'drawn: a round of 100 of 10,000 / of 100',
          over: 'drawn',
          under: 'alone',
          target: { atMost: 1.1 },
        },
      ],
    }
  },
}

/** Milliseconds of a round, and what percentage of the workers' time is no owner's training. */
function figuresOf(rounds, workers) {
  const between = rounds.slice(1, -1)
  const wall = between.at(-1).at - rounds[0].at
  const trained = between.flatMap(({ owners }) => owners).reduce((sum, seconds) => sum + 1000 * seconds, 0)
  return { milliseconds: wall / between.length, rest: 100 * (1 - trained / (workers * wall)) }
}
