import { z } from 'zod'
import type { Choice, Parts } from './parts.ts'

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
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, of ?? {}]))
    return value
  }
  return z.preprocess(named, z.union([z.enum(names), mapping])).transform((chosen) => {
    const [[name, options] = ['', {}]] = Object.entries(chosen)
    return (Object.keys(options as object).length === 0 ? name : chosen) as Choice<R>
  })
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
