import type { Part } from '../../parts.ts'

/** What a server step keeps of one tensor, by name, in the places of its values. */
export type Slots = Readonly<Record<string, Float32Array>>

/**
 * Makes one tensor of the next model.
 * @param model its values in the model that the owners received; only read
 * @param merged what the merge rule made of the owners'; only read
 * @param slots what is kept from the round before; the step updates it in place
 * @param out takes the values: every element must be written
 * @param size what `size` gave of the round; 1 if the step has none
 */
export type StepTensor = (
  model: Float32Array,
  merged: Float32Array,
  slots: Slots,
  out: Float32Array,
  size: number,
) => void

/** How far a round went from the model that its owners received, over the whole model. */
export interface RoundMoves {
  /** (1/N) Σ ‖w_i - x‖² over the N owners: each could send it as one number, of which the server needs the sum alone. */
  readonly meanSquare: number
  /** ‖merged - x‖². */
  readonly ofMerged: number
}

/** A step over tensors, with what it keeps of each of them between rounds. */
export interface TensorStep {
  /** The value that every element of what it keeps has before the first round, by name. */
  readonly slots: Readonly<Record<string, number>>
  readonly step: StepTensor
  /** One number for all tensors of a round, if it needs one. */
  readonly size?: ((moves: RoundMoves) => number) | undefined
}

/** What the server does with a round's merged model. `make` gives undefined if it takes it as it is. */
export interface ServerStep<O extends object = object> extends Part<O, StepTensor | undefined> {
  /** What it keeps between rounds, with the value that every element has before the first. */
  slots(options: O): Readonly<Record<string, number>>
  /** The size of its step over the whole model, if it has one. */
  size?(options: O): (moves: RoundMoves) => number
}
