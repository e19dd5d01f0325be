import { z } from 'zod'
import type { Choice, Parts } from '../../parts.ts'
import { isMapping } from '../mapping.ts'

/**
 * A key that names a part: `name`, or `{ name: options }`. What comes out is the form that experiments keep (see
 * `Choice`). Names with options in one word (`dirichlet:alpha=0.3`) are read before, with the place of each.
 */
export function choice<R extends Parts>(parts: R) {
  const names = Object.keys(parts) as [string, ...string[]]
  const withOptions = Object.entries(parts).map(([name, { options, summary }]) => [
    name,
    (options as unknown as z.ZodType).optional().describe(summary),
  ])
  const mapping = z
    .strictObject(Object.fromEntries(withOptions) as Record<string, z.ZodType>)
    .refine((chosen) => Object.keys(chosen).length === 1, 'expected one name')
    .meta({ minProperties: 1, maxProperties: 1 })
  const named = (value: unknown) => {
    if (typeof value === 'string' && Object.hasOwn(parts, value)) return { [value]: {} }
    // A name on a line of its own, with a colon, says nothing about its options.
    if (isMapping(value)) return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, of ?? {}]))
    return value
  }
  return z.preprocess(named, z.union([z.enum(names), mapping])).transform((chosen) => {
    const [[name, options] = ['', {}]] = Object.entries(chosen)
    return (Object.keys(options as object).length === 0 ? name : chosen) as Choice<R>
  })
}

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
