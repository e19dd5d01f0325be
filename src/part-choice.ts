import { z } from 'zod'
import type { Choice, Parts } from './parts.ts'

/**
 * A key that names a part: `name`, `name:option=value`, or `{ name: options }`. What comes out is the form that
 * experiments keep (see `Choice`). Of the keys of an experiment, words with options are read before, with the place of
 * each.
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
    if (typeof value === 'string') {
      const [name = '', ...settings] = splitSettings(value)
      return Object.hasOwn(parts, name) ? { [name]: Object.fromEntries(settings.map(readSetting)) } : value
    }
    // A name on a line of its own, with a colon, says nothing about its options.
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, of ?? {}]))
    return value
  }
  return z.preprocess(named, z.union([z.enum(names), mapping])).transform((chosen) => {
    const [[name, options] = ['', {}]] = Object.entries(chosen)
    return (Object.keys(options as object).length === 0 ? name : chosen) as Choice<R>
  })
}

/** The pieces of `name:option=value:option=value`; a colon in brackets is part of a value. */
export const splitSettings = (text: string): string[] =>
  text.split(/:(?=[\w-]+=)(?![^[{]*[\]}])/).map((piece) => piece.trim())

function readSetting(setting: string): [option: string, value: unknown] {
  const at = setting.indexOf('=')
  const text = setting.slice(at + 1)
  return [setting.slice(0, at), plainValue(text)]
}

function plainValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
