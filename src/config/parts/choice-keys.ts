import { z } from 'zod'
import { ATTACKS } from '../../algorithm/attack/registry.ts'
import { HEADS } from '../../algorithm/head/registry.ts'
import { MERGE_RULES } from '../../algorithm/merge/registry.ts'
import { OBJECTIVES } from '../../algorithm/objective/registry.ts'
import { PACES } from '../../algorithm/pace/registry.ts'
import { SERVER_STEPS } from '../../algorithm/server/registry.ts'
import { DATASETS } from '../../data/load-dataset.ts'
import { PARTITIONS } from '../../data/partition/registry.ts'
import { OPTIMIZERS } from '../../engine/optimizer-registry.ts'
import { SCHEDULES } from '../../federation/schedule.ts'
import { PRESETS } from '../../model/presets.ts'
import type { Parts } from '../../parts.ts'

/** A key of an experiment that names parts. */
export interface ChoiceKey {
  readonly parts: Parts
  /** What is chosen if nothing is. */
  readonly default: string
  /** Whether it names several, in their order. */
  readonly list?: boolean
  /** Whether a part of the user's own may be named by its file, and what that is, in one line. */
  readonly own?: OwnParts
}

export interface OwnParts {
  readonly example: string
  readonly summary: string
}

export type ChoiceKeys = Readonly<Record<string, ChoiceKey>>

/** Every key that names parts, with their registry. Flags, help, template, completion and JSON Schema follow. */
export const CHOICE_KEYS = {
  dataset: { parts: DATASETS, default: 'fashion-mnist' },
  env: { parts: PARTITIONS, default: 'V' },
  merge: {
    parts: MERGE_RULES,
    default: 'avg',
    list: true,
    own: { example: './my-rule.mjs', summary: "a rule of one's own: a module that exports it" },
  },
  server: { parts: SERVER_STEPS, default: 'none' },
  head: { parts: HEADS, default: 'none' },
  pace: { parts: PACES, default: 'sync' },
  attack: { parts: ATTACKS, default: 'none' },
  objective: { parts: OBJECTIVES, default: 'cross-entropy' },
  optimizer: { parts: OPTIMIZERS, default: 'sgd' },
  'lr-schedule': { parts: SCHEDULES, default: 'constant' },
} satisfies ChoiceKeys

/** The same and a key that may name a part or be something else: what help and template list. */
export const NAMED_KEYS: Readonly<Record<string, Pick<ChoiceKey, 'parts' | 'list' | 'own'>>> = {
  ...CHOICE_KEYS,
  model: { parts: PRESETS },
}

/** An option of a part, and the keys that it goes by beside the one under its part. */
export interface OptionKey {
  readonly key: string
  readonly part: string
  readonly option: string
  readonly schema: z.ZodType
  /** `optimizer.momentum.momentum`, as --set takes it. */
  readonly long: string
  /** `alpha` for `env.dirichlet.alpha`, for options that have one. */
  readonly short: string | undefined
}

export const optionKeys = (keys: ChoiceKeys): OptionKey[] =>
  Object.entries(keys).flatMap(([key, { parts }]) =>
    Object.entries(parts).flatMap(([part, { options }]) =>
      Object.entries(options.shape).map(([option, schema]): OptionKey => {
        const short = schema.meta()?.short
        const long = `${key}.${part}.${option}`
        return { key, part, option, schema, long, short: typeof short === 'string' ? short : undefined }
      }),
    ),
  )

/** Every option of every part. */
export const OPTION_KEYS: readonly OptionKey[] = optionKeys(CHOICE_KEYS)

/** Options that have a key of their own. */
export const SHORT_KEYS = OPTION_KEYS.filter((option): option is OptionKey & { short: string } => !!option.short)

/** Whether what is written for a key or an option is text, even if it looks like a number. */
export const takesText = (schema: z.ZodType): boolean => !isUnknown(schema) && schema.safeParse('word').success

/** An option of a rule whose file was not loaded. */
const isUnknown = (schema: z.ZodType) => schema instanceof z.ZodUnknown
