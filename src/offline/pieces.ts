import { ACCELERATED } from '../algorithm/merge/accelerated.ts'
import { type MergeChoice, mergeRule, ownRuleOf } from '../algorithm/merge/own-rule.ts'
import { nameOf, optionsOf, withDefaults } from '../parts.ts'
import { isFloatType } from '../weights/safetensors/dtype.ts'
import { BLOCK_BYTES } from './intake.ts'
import type { Model, ModelTensor } from './model/model.ts'

/** The bytes `from` to `to` of a tensor; all models have it with the same type and shape. */
export interface Slice {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** What is in memory at the same time, and what becomes of it: values are merged, anything else is copied. */
export interface Piece {
  readonly kind: 'merge' | 'copy'
  readonly slices: readonly Slice[]
}

/** How much of the models a rule must see at the same time. */
export type Reach = 'block' | 'tensor' | 'model'

/**
 * An accelerated rule takes each element by itself, so that blocks of a tensor will do. Any other may take a tensor as a
 * whole (its length, its largest values). One that looks at the owners' models before it merges needs all tensors at
 * once: it cannot be streamed.
 */
export function reachOf(choice: MergeChoice): Reach {
  if (!ownRuleOf(choice) && Object.hasOwn(ACCELERATED, nameOf<MergeChoice>(choice))) return 'block'
  const rule = mergeRule(choice)
  return typeof rule.make(withDefaults(rule, optionsOf(choice))) === 'function' ? 'tensor' : 'model'
}

/** The pieces of models with the same tensors, in the order in which the first one has them. */
export function piecesOf({ tensors }: Model, reach: Reach): Piece[] {
  const all = [...tensors.values()].filter(({ values }) => values > 0)
  const floats = all.filter(({ dtype }) => isFloatType(dtype))
  if (reach === 'model') {
    const copied = all.filter(({ dtype }) => !isFloatType(dtype))
    return [{ kind: 'merge', slices: floats.map(whole) }, ...copied.flatMap((tensor) => blocks('copy', tensor))]
  }
  return all.flatMap((tensor): Piece[] => {
    if (!isFloatType(tensor.dtype)) return blocks('copy', tensor)
    return reach === 'tensor' ? [{ kind: 'merge', slices: [whole(tensor)] }] : blocks('merge', tensor)
  })
}

const whole = ({ name, from, to }: ModelTensor): Slice => ({ name, from: 0, to: to - from })

function blocks(kind: Piece['kind'], { name, from, to }: ModelTensor): Piece[] {
  const bytes = to - from
  return Array.from({ length: Math.ceil(bytes / BLOCK_BYTES) }, (_, i) => {
    const at = i * BLOCK_BYTES
    return { kind, slices: [{ name, from: at, to: Math.min(at + BLOCK_BYTES, bytes) }] }
  })
}

export const bytesIn = ({ slices }: Piece): number => slices.reduce((sum, { from, to }) => sum + to - from, 0)
