import { file, together } from '../children.mjs'
import { GROUPS } from '../operator-groups.mjs'
import { inTurns } from '../turns.mjs'

const BATCH = 64
const SIZES = [0, 16, 32]

/** What the time of a training step is made of, on one core, for each way to take a batch. */
export const operators = {
  name: 'operators',
  about: "microseconds of each kind of operator in a training step, by the runtime's own profile",
  async measure({ quick, times, pin, note }) {
    const steps = quick ? 20 : 100
    const measured = new Map(SIZES.map((size) => [size, []]))
    for (const [size, turn] of inTurns(SIZES, times(7, 2))) {
      const command = [process.execPath, file('operators.mjs'), BATCH, steps, size].map(String)
      const [result] = await together([pin(1, command)])
      measured.get(size).push(result)
      note(`${turn}: ${nameOf(size)}: ${Math.round(sum(result))} µs a step`)
    }
    const series = SIZES.flatMap((size) =>
      Object.entries({ ...GROUPS, sum: 'sum' }).map(([group, name]) => ({
        key: `${keyOf(size)}_${group}`,
        name: `${nameOf(size)}: ${name}`,
        unit: 'µs',
        values: measured.get(size).map((result) => (group === 'sum' ? sum(result) : result.microseconds[group])),
      })),
    )
    return {
      settings: { model: 'cnn', optimizer: 'momentum', batch: BATCH, steps },
      series,
      details: Object.fromEntries(SIZES.map((size) => [keyOf(size), { operators: measured.get(size)[0].operators }])),
    }
  },
}

const keyOf = (size) => (size === 0 ? 'whole' : `micro_${size}`)
const nameOf = (size) => (size === 0 ? 'whole batches' : `micro-batches of ${size}`)
const sum = ({ microseconds }) => Object.values(microseconds).reduce((total, value) => total + value, 0)
