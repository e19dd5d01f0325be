import type { ObjectiveHooks } from '../../engine/hooks.ts'
import type { Part } from '../../parts.ts'
import type { Weights } from '../../weights/weights.ts'

/**
 * What an owner minimises in a round besides the cross-entropy of its images, given the model that it received.
 * Undefined if it is that alone.
 */
export type Objective = (received: Weights) => ObjectiveHooks | undefined

export type ObjectivePart<O extends object = object> = Part<O, Objective>
