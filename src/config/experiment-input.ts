import type { z } from 'zod'
import type { MERGE_RULES } from '../algorithm/merge/registry.ts'
import type { OBJECTIVES } from '../algorithm/objective/registry.ts'
import type { SERVER_STEPS } from '../algorithm/server/registry.ts'
import type { DATASETS } from '../data/load-dataset.ts'
import type { PARTITIONS } from '../data/partition/registry.ts'
import type { OPTIMIZERS } from '../engine/optimizer-registry.ts'
import type { SCHEDULES } from '../federation/schedule.ts'
import type { Parts } from '../parts.ts'
import type { ExperimentSchema } from './schema.ts'

/** A part as an experiment chooses it: its name, with or without options (`trimmed-mean:beta=0.2` too). */
export type ChoiceInput<R extends Parts> =
  | (keyof R & string)
  | `${keyof R & string}:${string}`
  | { readonly [N in keyof R & string]?: Partial<z.input<R[N]['options']>> }

/** A merge rule of one's own is named by its file. */
export type MergeInput = ChoiceInput<typeof MERGE_RULES> | `${string}.${'mjs' | 'js'}${string}` | object

interface Chosen {
  readonly dataset: ChoiceInput<typeof DATASETS>
  readonly env: ChoiceInput<typeof PARTITIONS>
  /** The first drives the run, the others are scored on the same updates. */
  readonly merge: MergeInput | readonly MergeInput[]
  readonly server: ChoiceInput<typeof SERVER_STEPS>
  readonly objective: ChoiceInput<typeof OBJECTIVES>
  readonly optimizer: ChoiceInput<typeof OPTIMIZERS>
  readonly 'lr-schedule': ChoiceInput<typeof SCHEDULES>
}

type Plain = Omit<z.input<typeof ExperimentSchema>, keyof Chosen>

/**
 * An experiment as a program writes it: what an experiment file may hold, with the same keys and defaults. Every key may
 * be left out.
 */
export type ExperimentInput = Partial<Chosen> & Plain
