import { alone, file, flags } from '../children.mjs'
import { sizeText } from '../figures.mjs'
import { inTurns } from '../turns.mjs'

const SIDES = [
  [2, 421_642],
  [10, 421_642],
  [100, 421_642],
  [10, 25_000_000],
]

/** What masked sums cost in a round: an owner, and the server. */
export const masks = {
  name: 'masks',
  about: 'masked sums of 2, 10 and 100 owners of 422k weights, and of 10 owners of 25M: seconds of a round',
  async measure({ times, pin, note }) {
    const turns = times(5, 1)
    const all = []
    for (const [[owners, weights], turn] of inTurns(SIDES, turns)) {
      all.push(await alone(pin(1, [process.execPath, file('masks.mjs'), ...flags({ owners, weights })])))
      const { owner_s, server_s } = all.at(-1)
      note(`${turn}: ${owners} owners of ${weights} weights: ${owner_s} s, server ${server_s} s`)
    }
    const series = SIDES.flatMap(([owners, weights]) => {
      const size = sizeText(weights)
      const of = (key) => all.filter((one) => one.owners === owners && one.weights === weights).map((one) => one[key])
      const one = (party) => ({
        key: `${party}_${owners}_${size}`,
        name: `masks: ${party}, ${owners} x ${size}`,
        unit: 's',
        digits: 3,
        values: of(`${party}_s`),
      })
      return [one('owner'), one('server')]
    })
    const bytes = SIDES.map(([owners, weights]) => {
      const { vector_bytes, key_bytes } = all.find((one) => one.owners === owners && one.weights === weights)
      return { owners, weights, vector_bytes, key_bytes }
    })
    return { settings: { turns, range: 4 }, series, details: { bytes } }
  },
}
