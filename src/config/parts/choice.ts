import { z } from 'zod'
import { choice } from '../../part-choice.ts'
import type { Parts } from '../../parts.ts'
import { isMapping } from '../mapping.ts'

/** A key that names several parts, in their order; one may stand without the list. */
export const choices = <R extends Parts>(parts: R) =>
  z.preprocess((value) => items(value) ?? value, z.array(choice(parts)).min(1))

/** The items of what names several parts: `avg,max` on a command line is the list [avg, max] of a file. */
export function items(value: unknown): readonly unknown[] | undefined {
  if (typeof value === 'string') return splitOutside(value).map((item) => item.trim())
  if (isMapping(value)) return [value]
  return Array.isArray(value) ? value : undefined
}

/** Splits at commas that are in no brackets: those of an option's value are not between two names. */
export function splitOutside(text: string): string[] {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if ('[{'.includes(character)) depth += 1
    if (']}'.includes(character)) depth -= 1
    if (character === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts
}
