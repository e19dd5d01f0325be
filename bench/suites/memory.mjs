import { flags } from '../children.mjs'
import { fedunifyRun } from '../whole-run.mjs'

/** Rounds after which memory may grow no more. */
const SETTLED = 20

/** Whether the resident memory of a long run stays flat. */
export const memory = {
  name: 'memory',
  about: 'resident memory over 300 rounds of a small experiment',
  async measure({ quick, data, pin, note }) {
    const settings = { rounds: quick ? 60 : 300, images: 2000, model: 'mlp', workers: 2 }
    const { rounds } = await fedunifyRun(pin, flags({ ...settings, data }))
    const mib = rounds.map(({ memory }) => memory)
    const settled = mib[SETTLED - 1]
    const most = Math.max(...mib.slice(SETTLED))
    note(
      `${settings.rounds} rounds: ${settled.toFixed(0)} MiB after round ${SETTLED}, then at most ${most.toFixed(0)} MiB`,
    )
    return {
      settings: { ...settings, settled_after_round: SETTLED },
      series: [
        { key: 'settled_mib', name: `memory: after round ${SETTLED}`, unit: 'MiB', digits: 1, values: [settled] },
        {
          key: 'most_mib',
          name: `memory: most in rounds ${SETTLED + 1} to ${rounds.length}`,
          unit: 'MiB',
          digits: 1,
          values: [most],
        },
        {
          key: 'growth',
          name: `memory: growth after round ${SETTLED}`,
          unit: '%',
          digits: 1,
          values: [100 * (most / settled - 1)],
          target: { atMost: 5 },
        },
      ],
      details: { mib_by_round: mib.map((value) => Number(value.toFixed(1))) },
    }
  },
}
