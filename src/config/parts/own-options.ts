import { z } from 'zod'
import { isMapping } from '../mapping.ts'
import { show } from '../show.ts'

/** What a rule of the user's own may have as `options`: a strict object of their zod, a description, or nothing. */
export type OptionsObject = z.ZodObject<Readonly<Record<string, z.ZodType>>>

const common = { describe: z.string().optional() }

/** An option as plain data describes it: whoever writes a rule need not have zod. */
const Description = z.discriminatedUnion('type', [
  z.strictObject({
    ...common,
    type: z.enum(['number', 'integer']),
    min: z.number().optional(),
    max: z.number().optional(),
    default: z.number().optional(),
  }),
  z.strictObject({ ...common, type: z.literal('boolean'), default: z.boolean().optional() }),
  z.strictObject({
    ...common,
    type: z.literal('string'),
    values: z.array(z.string()).min(1).optional(),
    default: z.string().optional(),
  }),
])

/** As `--merge my-rule:p=0.4` can have it. */
const NAME = /^[A-Za-z][\w-]*$/

/** @returns the options, or what is wrong with them */
export function readOptions(given: unknown): OptionsObject | string {
  if (given === undefined) return z.strictObject({})
  if (!isMapping(given)) return `options must be a description of each, got ${show(given)}`
  const own = '_zod' in given || '_def' in given ? strictObject(given) : described(given)
  if (typeof own === 'string') return own
  const name = Object.keys(own.shape).find((one) => !NAME.test(one))
  return name === undefined ? own : `options: ${show(name)} is no name: letters, digits, - and _`
}

/** An object of zod, which need not be that of ours. */
function strictObject(given: object): OptionsObject | string {
  const { _zod, strict } = given as { _zod?: { def?: { type?: string } }; strict?: unknown }
  if (_zod?.def?.type !== 'object') return 'options must be an object of zod 4, or a description of each'
  if (typeof strict !== 'function') return 'options must be an object of zod itself, not of zod/mini'
  return (given as OptionsObject).strict()
}

function described(given: Readonly<Record<string, unknown>>): OptionsObject | string {
  const shape: Record<string, z.ZodType> = {}
  for (const [name, description] of Object.entries(given)) {
    const read = Description.safeParse(description, { reportInput: true })
    if (!read.success) return `options.${name}: ${problem(read.error.issues[0]!)}`
    const schema = schemaOf(read.data)
    const { default: value, describe = name } = read.data
    if (value !== undefined && !schema.safeParse(value).success) {
      return `options.${name}: default is ${show(value)}, which its own limits do not allow`
    }
    shape[name] = (value === undefined ? schema : schema.default(value)).describe(describe)
  }
  return z.strictObject(shape)
}

function schemaOf(option: z.output<typeof Description>): z.ZodType {
  switch (option.type) {
    case 'boolean':
      return z.boolean()
    case 'string':
      return option.values ? z.enum(option.values) : z.string()
    default: {
      let number: z.ZodNumber = option.type === 'integer' ? z.int() : z.number()
      if (option.min !== undefined) number = number.min(option.min)
      if (option.max !== undefined) number = number.max(option.max)
      return number
    }
  }
}

function problem(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(' and ')} is not known with that type`
  if (issue.code === 'invalid_union') return 'type must be number, integer, boolean or string'
  const key = issue.path.map(String).join('.')
  return key === '' ? `must be a description, got ${show(issue.input)}` : `${key} cannot be ${show(issue.input)}`
}
