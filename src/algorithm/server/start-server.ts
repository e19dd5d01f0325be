import { type Choice, nameOf, optionsOf } from '../../parts.ts'
import type { WeightPool } from '../../weights/pool.ts'
import { copyWeights, type Tensor, type Weights } from '../../weights/weights.ts'
import type { State } from '../algorithm.ts'
import { SERVER_STEPS } from './registry.ts'
import type { ServerStep } from './server-step.ts'

/** A server step over whole models. */
export interface Server {
  start(initial: Weights): State
  /** The next model, in memory of the pool, and what is kept for the round after; nothing that is given is changed. */
  step(state: State, base: Weights, merged: Weights, pool: WeightPool): { model: Weights; state: State }
}

/** The server step that was chosen; undefined if the server takes merged models as they are. */
export function startServer(choice: Choice<typeof SERVER_STEPS>): Server | undefined {
  const part: ServerStep = SERVER_STEPS[nameOf(choice)]
  const options = optionsOf(choice)
  const stepTensor = part.make(options)
  if (!stepTensor) return undefined
  return {
    start: (initial) => {
      const slots = Object.entries(part.slots(options))
      return Object.fromEntries(slots.map(([name, value]) => [name, filled(initial, value)]))
    },
    step(state, base, merged, pool) {
      const next = Object.fromEntries(Object.entries(state).map(([name, kept]) => [name, copyWeights(kept)]))
      const tensors = [...merged].map(([name, { shape, data }]): [string, Tensor] => {
        const slots = Object.entries(next).map(([slot, kept]) => [slot, kept.get(name)!.data] as const)
        const out = pool.floats(data.length)
        stepTensor(base.get(name)!.data, data, Object.fromEntries(slots), out)
        return [name, { shape, data: out }]
      })
      return { model: new Map(tensors), state: next }
    },
  }
}

const filled = (like: Weights, value: number): Weights =>
  new Map(
    [...like].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length).fill(value) }]),
  )
