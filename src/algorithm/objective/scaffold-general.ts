import { mapTensors } from '../../weights/map-tensors.ts'
import type { Objective } from './objective.ts'

/**
 * SCAFFOLD as its algorithm 1 has it, with option II, for owners of which some may be absent from a round. The server
 * has c, an owner has c_i, both 0 at first. An owner of the round is sent x and c:
 *
 *     y ← y - η (g + c - c_i)                             K times, from x
 *     Δc_i = (x - y) / (K η) - c,  c_i ← c_i + Δc_i       an absent owner's c_i stays
 *     x ← x + η_g mean Δy                                 over the owners of the round: merge rule and server step
 *     c ← c + (1/N) Σ Δc_i                                over the owners of the round, but N is the number of all
 *
 * So c stays the mean of all c_i. With momentum, K is the number of steps of plain SGD that go as far. The rounds lead to
 * where Σ ∇F_i = 0: each owner counts once, however many steps it makes.
 */
export const generalScaffold: Objective = {
  absences: true,
  sends: true,
  hooks: ({ instruction: { control }, state: { control: own } }) => ({
    gradient: {
      shift: mapTensors(control!, (c, name) => {
        const mine = own?.get(name)?.data
        return c.map((value, i) => value - (mine?.[i] ?? 0))
      }),
    },
  }),
  end({ received, trained, steps, lr, instruction: { control }, state: { control: own } }) {
    const change = mapTensors(received, (x, name) => {
      const [y, c] = [trained.get(name)!.data, control!.get(name)!.data]
      return x.map((value, i) => (value - y[i]!) / (steps * lr) - c[i]!)
    })
    const next = mapTensors(change, (by, name) => {
      const before = own?.get(name)?.data
      return by.map((value, i) => (before?.[i] ?? 0) + value)
    })
    return { state: { control: next }, sent: { change } }
  },
  server: {
    start: (initial) => ({ control: mapTensors(initial, (data) => new Float32Array(data.length)) }),
    instruct: ({ control }) => ({ control: control! }),
    step: ({ control }, { change }, { participants, owners }) => ({
      control: mapTensors(control!, (c, name) => {
        const mean = change!.get(name)!.data
        return c.map((value, i) => value + (participants / owners) * mean[i]!)
      }),
    }),
  },
}
