import type { z } from 'zod'

/**
 * Something that an experiment chooses by name: a merge rule, a partition, an optimiser, a schedule, … The key in its
 * registry is its name; help, schema, flags, template and completion are made of the registry.
 * @template O its options, with every default filled in
 * @template T what it makes of them
 */
export interface Part<O extends object = object, T = unknown> {
  /** One line for --help. */
  readonly summary: string
  /** Equation, paper or specification. */
  readonly source: string
  /** Its options; `z.strictObject({})` where it has none. */
  readonly options: z.ZodType<O, object>
  make(options: O): T
}

/** A part's options: those that are given, and the defaults of the others. */
export const withDefaults = <O extends object>({ options }: Part<O>, given: object = {}): O => options.parse(given)
