// JavaScript, because processes of the tests load it with the built program.
import { z } from 'zod'

/**
 * An objective of the tests that uses every part of the seam: each owner keeps how far it moved in the round before, adds
 * a hundredth of what it is ahead of all owners' mean to its gradient, and sends how far it moved; the server keeps the
 * mean, and sends it to all.
 */
export const stateful = {
  summary: 'drawn along with the others',
  source: 'a test',
  options: z.strictObject({}),
  make: () => ({
    sends: true,
    hooks({ received, instruction, state }) {
      const own = state.moved ?? mapTensors(received, () => 0)
      const shift = mapTensors(own, (value, name, i) => 0.01 * (value - instruction.c.get(name).data[i]))
      return { gradient: { shift } }
    },
    end({ received, trained }) {
      const moved = mapTensors(trained, (value, name, i) => value - received.get(name).data[i])
      return { state: { moved }, sent: { moved } }
    },
    server: {
      start: (initial) => ({ c: mapTensors(initial, () => 0) }),
      instruct: (state) => state,
      step: (_, { moved }) => ({ c: moved }),
    },
  }),
}

/** Weights of the same tensors, element by element. */
const mapTensors = (weights, to) =>
  new Map(
    [...weights].map(([name, { shape, data }]) => [name, { shape, data: data.map((value, i) => to(value, name, i)) }]),
  )
