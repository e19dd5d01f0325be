import { alone, file, flags } from '../children.mjs'
import { inTurns } from '../turns.mjs'

const OWNERS = [2, 500]

/** What a round costs when many owners have the images that two had. */
export const owners = {
  name: 'owners',
  about: 'a round over the same 60,000 images with 500 owners, beside 2',
  async measure({ times, quick, data, pin, note }) {
    const settings = { rounds: quick ? 1 : 2, runs: 1 }
    const measured = new Map(OWNERS.map((number) => [number, []]))
    for (const [number, turn] of inTurns(OWNERS, times(7, 1))) {
      const options = flags({ ...settings, data, owners: number })
      const { seconds } = await alone(pin(2, [process.execPath, file('many-owners.mjs'), ...options]))
      measured.get(number).push(seconds.total)
      note(`${turn}: ${number} owners: ${seconds.total} s a round`)
    }
    return {
      settings,
      series: OWNERS.map((number) => ({
        key: `owners_${number}`,
        name: `owners: a round of ${number}`,
        unit: 's',
        digits: 2,
        values: measured.get(number),
      })),
      ratios: [
        {
          key: 'many_to_two',
          name: 'owners: a round of 500 / of 2',
          over: 'owners_500',
          under: 'owners_2',
          target: { atMost: 1.1 },
        },
      ],
    }
  },
}
