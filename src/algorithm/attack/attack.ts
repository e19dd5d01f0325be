import { z } from 'zod'
import type { Part } from '../../parts.ts'
import type { Random } from '../../random.ts'
import type { Weights } from '../../weights/weights.ts'

/** What hostile owners do, to see what a merge rule bears. */
export interface Attack {
  /** How many owners are hostile: the last ones. */
  readonly owners: number
  /** The class that an image is trained as, by its label: `classes` of them. */
  relabel?(classes: number): Uint8Array
  /**
   * What is handed in for the trained weights.
   * @param received the model that it trained from
   * @param random the stream of a tensor in this round
   */
  disguise?(received: Weights, trained: Weights, random: (tensor: string) => Random): Weights
}

/** `make` gives undefined if all owners are honest. */
export type AttackPart<O extends object = object> = Part<O, Attack | undefined>

/** An option that every attack has. */
export const hostileOwners = z.int().min(1).default(1).describe('how many owners are hostile: the last ones')
