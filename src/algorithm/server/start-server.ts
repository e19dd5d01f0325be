import { type Choice, nameOf, optionsOf } from '../../parts.ts'
import { squaredDistance } from '../../weights/distance.ts'
import type { WeightPool } from '../../weights/pool.ts'
import { copyWeights, type Tensor, type Weights } from '../../weights/weights.ts'
import type { State } from '../algorithm.ts'
import { SERVER_STEPS } from './registry.ts'
import type { ServerStep, TensorStep } from './server-step.ts'

/** A server step over whole models. */
export interface Server {
  /** Whether it needs `meanSquare` of a round. */
  readonly needsMoves: boolean
  start(initial: Weights): State
  /** The next model, in memory of the pool, and what is kept for the round after; nothing that is given is changed. */
  step(state: State, base: Weights, round: StepRound, pool: WeightPool): Stepped
}

export interface StepRound {
  readonly merged: Weights
  /** As in `RoundMoves`. */
  readonly meanSquare?: number | undefined
}

interface Stepped {
  readonly model: Weights
  readonly state: State
  /** Of the step over the whole model, if it has one. */
  readonly size: number | undefined
}

/** The server step that was chosen; undefined if the server takes merged models as they are. */
export function chosenStep(choice: Choice<typeof SERVER_STEPS>): TensorStep | undefined {
  const part: ServerStep = SERVER_STEPS[nameOf(choice)]
  const options = optionsOf(choice)
  const step = part.make(options)
  return step && { slots: part.slots(options), step, size: part.size?.(options) }
}

export function startServer({ slots, step: stepTensor, size: sizeOf }: TensorStep): Server {
  return {
    needsMoves: sizeOf !== undefined,
    start: (initial) =>
      Object.fromEntries(Object.entries(slots).map(([name, value]) => [name, filled(initial, value)])),
    step(state, base, { merged, meanSquare = 0 }, pool) {
      const size = sizeOf?.({ meanSquare, ofMerged: squaredDistance(merged, base) })
      const next = Object.fromEntries(Object.entries(state).map(([name, kept]) => [name, copyWeights(kept)]))
      const tensors = [...merged].map(([name, { shape, data }]): [string, Tensor] => {
        const slots = Object.entries(next).map(([slot, kept]) => [slot, kept.get(name)!.data] as const)
        const out = pool.floats(data.length)
        stepTensor(base.get(name)!.data, data, Object.fromEntries(slots), out, size ?? 1)
        return [name, { shape, data: out }]
      })
      return { model: new Map(tensors), state: next, size }
    },
  }
}

const filled = (like: Weights, value: number): Weights =>
  new Map(
    [...like].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length).fill(value) }]),
  )
