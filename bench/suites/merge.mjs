import { alone, file, flags } from '../children.mjs'
import { sizeText } from '../figures.mjs'

const RULES = ['avg', 'max', 'absmax']

/** The server's merges beside copying the same bytes: what memory allows at most. */
export const merge = {
  name: 'merge',
  about: 'merges of 2 and 100 models of 422k and 25M weights, beside a copy of the same bytes',
  async measure({ quick, pin, note }) {
    const seconds = quick ? 1 : 4
    const all = []
    for (const weights of [421_642, 25_000_000]) {
      for (const owners of [2, 100]) {
        for (const rules of RULES) {
          const settings = flags({ rules, owners, weights, seconds })
          all.push(await alone(pin(1, [process.execPath, file('merge.mjs'), ...settings])))
          note(`merge ${rules}, ${owners} models of ${weights} weights: ${all.at(-1).merge_to_copy} of a copy's speed`)
        }
      }
    }
    const series = (suffix, against, ratio) =>
      all.map((one) => ({
        key: `${one.rule}_${one.owners}_${sizeText(one.weights)}${suffix}`,
        name: `merge: ${one.rule} of ${one.owners} x ${sizeText(one.weights)} / ${against}`,
        unit: 'x',
        digits: 2,
        values: [one[ratio]],
        target: { atLeast: 0.5 },
      }))
    return {
      settings: { seconds },
      // A run's first rounds make models that were not there: where the system must find memory for them, that alone
      // can cost more than a copy into memory that is there. Both sides have old memory, or both new.
      series: [
        ...series('', 'copy', 'merge_to_copy'),
        ...series('_new', 'copy, both to new memory', 'merge_new_to_copy_new'),
      ],
      details: { measured: all },
    }
  },
}
