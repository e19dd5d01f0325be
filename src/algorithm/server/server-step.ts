import type { Part } from '../../parts.ts'

/** What a server step keeps of one tensor, by name, in the places of its values. */
export type Slots = Readonly<Record<string, Float32Array>>

/**
 * Makes one tensor of the next model.
 * @param model its values in the model that the owners received; only read
 * @param merged what the merge rule made of the owners'; only read
 * @param slots what is kept from the round before; the step updates it in place
 * @param out takes the values: every element must be written
 */
export type StepTensor = (model: Float32Array, merged: Float32Array, slots: Slots, out: Float32Array) => void

/** What the server does with a round's merged model. `make` gives undefined if it takes it as it is. */
export interface ServerStep<O extends object = object> extends Part<O, StepTensor | undefined> {
  /** What it keeps between rounds, with the value that every element has before the first. */
  slots(options: O): Readonly<Record<string, number>>
}
