import { z } from 'zod'
import type { MergeChoice } from '../algorithm/merge/own-rule.ts'
import { DEVICES, LAYOUTS } from '../engine/engine.ts'
import { ENGINE_NAMES } from '../engine/registry.ts'
import { LayerSchema } from '../model/layers.ts'
import { PRESET_NAMES } from '../model/presets.ts'
import { choice } from '../part-choice.ts'
import type { Parts } from '../parts.ts'
import { ExpectationsSchema } from './expectations.ts'
import { choices } from './parts/choice.ts'
import { CHOICE_KEYS, SHORT_KEYS } from './parts/choice-keys.ts'
import { pathText } from './path-text.ts'
import { PrivacySchema } from './privacy-schema.ts'

const count = z.int().min(1)

const merges = <R extends Parts>(rules: R) =>
  choices(rules)
    .prefault([CHOICE_KEYS.merge.default] as never)
    .describe('merge rules: the model of the first is sent back to the owners, the others are only evaluated')

const fraction = z.number().min(0).max(1)

const participants = z
  .strictObject({
    fraction: z.number().gt(0).max(1).optional().describe('share of all owners, to the nearest whole number of them'),
    count: count.optional().describe('so many owners'),
  })
  .refine((given) => Object.keys(given).length === 1, 'either fraction or count')
  .meta({ minProperties: 1, maxProperties: 1 })

/**
 * An experiment: what its file may hold and, key by key, what the flags of `fedunify run` are called.
 * Defaults are the paper's where it names them (batch 64, SGD, shared initial weights).
 */
export const ExperimentSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w][\w.-]*$/, 'expected letters, digits, dot, dash or underscore')
    .optional()
    .describe("folder under the results folder; default: the file's name, or the env and the merges")
    .meta({ examples: ['my-experiment'] }),
  seed: z.int().min(0).default(0).describe('the one seed that partition, initial weights and shuffles derive from'),

  dataset: choice(CHOICE_KEYS.dataset.parts)
    .prefault(CHOICE_KEYS.dataset.default)
    .describe('labelled images to train and test on'),
  data: pathText()
    .optional()
    .describe('folder with the four dataset files; default: found or fetched')
    .meta({ examples: ['data/fashion-mnist'] }),
  images: count
    .optional()
    .describe('use a random subset of this many images (default: all 70,000)')
    .meta({ examples: [7000] }),
  normalise: z
    .strictObject({ mean: z.number().default(0.286), std: z.number().gt(0).default(0.353) })
    .prefault({})
    .describe("published mean and deviation of the 0-1 grey values; no owner's own statistics are used"),

  env: choice(CHOICE_KEYS.env.parts)
    .prefault(CHOICE_KEYS.env.default)
    .describe('how the images are split among owners'),
  owners: count
    .min(2)
    .optional()
    .describe('number of data owners (default: 2, or as many as the env is for)')
    .meta({ examples: [2] }),
  validation: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe("to choose settings: hold out this share of each owner's training images, and test on them instead")
    .meta({ examples: [0.1] }),

  model: z
    .union([z.enum(PRESET_NAMES), z.array(LayerSchema).min(1).max(256)])
    .default('cnn')
    .describe('a named model, or a list of layers in the experiment file'),
  init: z.enum(['shared', 'independent']).default('shared').describe('same initial weights for all, or each its own'),

  merge: merges(CHOICE_KEYS.merge.parts),
  server: choice(CHOICE_KEYS.server.parts)
    .prefault(CHOICE_KEYS.server.default)
    .describe('what the server makes of the merged model'),
  head: choice(CHOICE_KEYS.head.parts)
    .optional()
    .describe('a last layer that is fitted to the unified model where it is evaluated, and scored beside it'),
  attack: choice(CHOICE_KEYS.attack.parts)
    .optional()
    .describe('what hostile owners do, to see what a merge rule bears'),
  pace: choice(CHOICE_KEYS.pace.parts)
    .optional()
    .describe('whether a round waits for all owners; without it a round is a version of the model'),
  speeds: z
    .array(z.number().gt(0))
    .min(1)
    .optional()
    .describe('without waiting: time that each owner needs for a training; the last is that of all that follow')
    .meta({ examples: [[1, 3]] }),
  participants: participants
    .optional()
    .describe(
      'owners that train in each round, drawn anew with the seed: { fraction: 0.1 } of them, at least one, or { count: 20 } (default: all)',
    )
    .meta({ examples: [{ fraction: 0.1 }] }),
  privacy: PrivacySchema.optional()
    .describe('masked sums, or noise with an epsilon: what the server or a reader of the model may learn of an owner')
    .meta({ examples: [{ level: 'record', clip: 1, epsilon: 4 }] }),
  rounds: count.default(10).describe('rounds of training, merging and sending back'),
  'stop-at': fraction
    .optional()
    .describe("stop once the unified model is this accurate on every owner's test set")
    .meta({ examples: [0.9] }),

  'evaluate-every': count
    .optional()
    .describe('evaluate models in every so many rounds, and in the last (default: in every round)')
    .meta({ examples: [10] }),

  'stop-after': count
    .optional()
    .describe('end after so many rounds; the learning rate goes as for all of them; resuming the run does the others')
    .meta({ examples: [5] }),

  baseline: z
    .enum(['none', 'pooled'])
    .default('none')
    .describe('pooled: also train the same model on all shards together, with the same number of images'),

  'local-epochs': count.default(1).describe('epochs that every owner trains in a round'),
  'until-local-accuracy': fraction
    .optional()
    .describe("train until this accuracy on the owner's own test set instead")
    .meta({ examples: [0.95] }),
  'max-local-epochs': count.default(20).describe('with until-local-accuracy: upper limit of epochs in a round'),
  batch: count.default(64).describe('images in a mini-batch'),
  objective: choice(CHOICE_KEYS.objective.parts)
    .prefault(CHOICE_KEYS.objective.default)
    .describe('what an owner minimises in a round'),
  sam: z
    .number()
    .gt(0)
    .optional()
    .describe('take gradients this far away, in their own direction (FedSAM): flat minima, for twice the computing')
    .meta({ examples: [0.05] }),
  optimizer: choice(CHOICE_KEYS.optimizer.parts)
    .prefault(CHOICE_KEYS.optimizer.default)
    .describe('how gradients become updates'),
  lr: z.number().gt(0).default(0.1).describe('learning rate of the first round'),
  'weight-decay': z.number().min(0).default(0).describe('L2 penalty added to the gradients'),
  'lr-schedule': choice(CHOICE_KEYS['lr-schedule'].parts)
    .prefault(CHOICE_KEYS['lr-schedule'].default)
    .describe('learning rate over the rounds'),

  engine: z
    .enum(['auto', ...ENGINE_NAMES])
    .default('auto')
    .describe('compute backend; auto: the fastest that works on the device'),
  device: z
    .enum(['auto', ...DEVICES])
    .default('auto')
    .describe('device to compute on; auto: CUDA if there is an NVIDIA GPU and a library for it, otherwise the CPU'),
  layout: z
    .enum(LAYOUTS)
    .default('auto')
    .describe('order of the channels in memory, for engine onnx on the CPU; auto: blocked if that works'),
  workers: count
    .max(1024)
    .optional()
    .describe('owners that train at the same time (default: the cores, at most the owners)')
    .meta({ examples: [2] }),
  keep: z
    .enum(['owners'])
    .optional()
    .describe(
      "owners: keep each owner's weights of each round in the run folder, so that any rule can merge them again",
    )
    .meta({ examples: ['owners'] }),
  'keep-every': count
    .optional()
    .describe('with keep: of every so many rounds, and of the last (default: of every round)')
    .meta({ examples: [10] }),
  out: pathText().default('results').describe('results folder'),

  expect: ExpectationsSchema.optional()
    .describe('expectations that fedunify check tests the finished run against')
    .meta({ examples: [[{ metric: 'unified', at: 'end', min: 0.75 }]] }),
})

/** The results folder, if no other is named. */
export const RESULTS = ExperimentSchema.shape.out.parse(undefined)

/** The same with other merge rules. */
export const schemaWith = (rules: Parts) =>
  ExperimentSchema.extend({ merge: merges(rules) }) as unknown as typeof ExperimentSchema

type Parsed = z.output<typeof ExperimentSchema>

/** A checked experiment with every default filled in. It has the one of the two limits of epochs that counts. */
export type Experiment = Omit<Parsed, EpochKey | 'merge'> &
  Partial<Pick<Parsed, EpochKey>> & {
    readonly name: string
    readonly owners: number
    readonly workers: number
    readonly merge: readonly MergeChoice[]
  }

type EpochKey = 'local-epochs' | 'max-local-epochs'

/** Epochs that an owner trains in a round, at most. */
export const localEpochs = (experiment: Pick<Experiment, EpochKey>): number =>
  experiment['local-epochs'] ?? experiment['max-local-epochs']!

export const EXPERIMENT_KEYS = Object.keys(ExperimentSchema.shape) as (keyof Parsed)[]

/** All that may be written as a key: options of parts may have one of their own. */
export const WRITTEN_KEYS: readonly string[] = [...EXPERIMENT_KEYS, ...SHORT_KEYS.map(({ short }) => short)]

/** Keys that take any word: what a flag gives for them is text, even if it looks like a number. */
export const TEXT_KEYS: readonly string[] = EXPERIMENT_KEYS.filter(
  (key) => ExperimentSchema.shape[key].safeParse('word').success,
)
