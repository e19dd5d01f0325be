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
  /** A strict object of its options; `z.strictObject({})` if it has none. */
  readonly options: z.ZodType<O, object> & { readonly shape: Readonly<Record<string, z.ZodType>> }
  make(options: O): T
}

/** A part's options: those that are given, and the defaults of the others. */
export const withDefaults = <O extends object>({ options }: Part<O>, given: object = {}): O => options.parse(given)

export type Parts = Readonly<Record<string, Part>>

/**
 * A part of a registry as an experiment holds it: its name, or `{ name: options }` with every default filled in if it
 * has options; its name too if none of them has a default and none was given. So the same choice always has the same form, and the same hash.
 */
export type Choice<R extends Parts> = {
  [N in keyof R & string]: [keyof R[N]['options']['shape']] extends [never]
    ? N
    :
        | { readonly [K in N]: z.output<R[N]['options']> }
        | (Record<never, never> extends z.output<R[N]['options']> ? N : never)
}[keyof R & string]

/** Any choice, of whichever registry. */
export type AnyChoice = string | Readonly<Record<string, object>>

type NameOf<C> = C extends string ? C : keyof C & string

/** The name of the part that was chosen. */
export const nameOf = <C extends AnyChoice>(choice: C): NameOf<C> =>
  (typeof choice === 'string' ? choice : Object.keys(choice)[0]!) as NameOf<C>

/** The options of the part that was chosen. */
export const optionsOf = (choice: AnyChoice): Readonly<Record<string, unknown>> =>
  typeof choice === 'string' ? {} : { ...Object.values(choice)[0]! }

/** What the chosen part makes of its options. */
export function make<R extends Parts>(parts: R, choice: Choice<R> & AnyChoice): ReturnType<R[keyof R]['make']> {
  return parts[nameOf<AnyChoice>(choice)]!.make(optionsOf(choice)) as ReturnType<R[keyof R]['make']>
}

/** A choice on one line, as a command line takes it: `V`, `dirichlet:alpha=0.3`. */
export const choiceText = (choice: AnyChoice): string =>
  [nameOf(choice), ...Object.entries(optionsOf(choice)).map(([key, value]) => `${key}=${optionText(value)}`)].join(':')

/** One choice or several, on one line. */
export const choicesText = (chosen: AnyChoice | readonly AnyChoice[]): string =>
  [chosen].flat().map(choiceText).join(', ')

const optionText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
