import { z } from 'zod'
import { MERGE_NAMES } from '../algorithm/merge/registry.ts'
import { DATASETS } from '../data/load-dataset.ts'
import { PARTITION_NAMES } from '../data/partition/registry.ts'
import { DEVICES, LAYOUTS } from '../engine/engine.ts'
import { ENGINE_NAMES } from '../engine/registry.ts'
import { LayerSchema } from '../model/layers.ts'
import { PRESET_NAMES } from '../model/presets.ts'
import { ExpectationsSchema } from './expectations.ts'

const count = z.int().min(1)
const fraction = z.number().min(0).max(1)

/** «avg,max» on a command line is the list [avg, max] of a file. */
const list = (value: unknown) => (typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value)

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

  dataset: z.enum(DATASETS).default('fashion-mnist').describe('fashion-mnist, or idx: any four IDX files in --data'),
  data: z
    .string()
    .min(1)
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

  env: z.enum(PARTITION_NAMES).default('V').describe('how the images are split among owners'),
  owners: count
    .min(2)
    .optional()
    .describe('number of data owners (default: 2, or one for each list of labels)')
    .meta({ examples: [2] }),
  labels: z
    .array(z.array(z.int().min(0).max(255)).max(256))
    .max(10_000)
    .optional()
    .describe('for env labels: the labels of each owner')
    .meta({
      examples: [
        [
          [0, 1, 2, 3, 4],
          [5, 6, 7, 8, 9],
        ],
      ],
    }),
  alpha: z
    .number()
    .gt(0)
    .optional()
    .describe('for env dirichlet: concentration; smaller is more uneven')
    .meta({ examples: [0.5] }),

  model: z
    .union([z.enum(PRESET_NAMES), z.array(LayerSchema).min(1).max(256)])
    .default('cnn')
    .describe('a named model, or a list of layers in the experiment file'),
  init: z.enum(['shared', 'independent']).default('shared').describe('same initial weights for all, or each its own'),

  merge: z
    .preprocess(list, z.array(z.enum(MERGE_NAMES)).min(1))
    .default(['avg'])
    .describe('merge rules: the first drives the run, the others are scored on the same local models'),
  rounds: count.default(10).describe('rounds of training, merging and copying back'),
  'stop-at': fraction
    .optional()
    .describe("stop once the copied model is this accurate on every owner's test set")
    .meta({ examples: [0.9] }),

  baseline: z
    .enum(['none', 'pooled'])
    .default('none')
    .describe('pooled: also train the same model on all shards together, on as many images'),

  'local-epochs': count.default(1).describe('epochs that every owner trains in a round'),
  'until-local-accuracy': fraction
    .optional()
    .describe("train until this accuracy on the owner's own test set instead")
    .meta({ examples: [0.95] }),
  'max-local-epochs': count.default(20).describe('with --until-local-accuracy: at most so many epochs in a round'),
  batch: count.default(64).describe('images in a mini-batch'),
  optimizer: z.enum(['sgd', 'momentum', 'adam']).default('sgd').describe('how gradients become updates'),
  lr: z.number().gt(0).default(0.1).describe('learning rate of the first round'),
  momentum: z.number().min(0).lt(1).default(0.9).describe('momentum coefficient, for optimizer momentum'),
  'weight-decay': z.number().min(0).default(0).describe('L2 penalty added to the gradients'),
  'lr-schedule': z.enum(['constant', 'cosine', 'step']).default('constant').describe('learning rate over the rounds'),
  'lr-step-rounds': count.default(10).describe('for lr-schedule step: rounds between two steps'),
  'lr-step-factor': z.number().gt(0).lte(1).default(0.1).describe('for lr-schedule step: factor at each step'),

  engine: z
    .enum(['auto', ...ENGINE_NAMES])
    .default('auto')
    .describe('what computes; auto: the fastest that works on the device'),
  device: z
    .enum(['auto', ...DEVICES])
    .default('auto')
    .describe('where it computes; auto: CUDA where there is an NVIDIA GPU and a library for it, else the CPU'),
  layout: z
    .enum(LAYOUTS)
    .default('auto')
    .describe('order of the channels in memory, for engine onnx on the CPU; auto: blocked where that works'),
  workers: count
    .max(1024)
    .optional()
    .describe('owners that train at the same time (default: the cores, at most the owners)')
    .meta({ examples: [2] }),
  out: z.string().min(1).default('results').describe('results folder'),

  expect: ExpectationsSchema.optional()
    .describe('what fedunify check holds the finished run against')
    .meta({ examples: [[{ metric: 'unified', at: 'end', min: 0.75 }]] }),
})

type Parsed = z.output<typeof ExperimentSchema>

/** A checked experiment with every default filled in. */
export type Experiment = Parsed & { readonly name: string; readonly owners: number; readonly workers: number }

export const EXPERIMENT_KEYS = Object.keys(ExperimentSchema.shape) as (keyof Parsed)[]

/** Keys that take any word: what a flag gives for them is text, even where it looks like a number. */
export const TEXT_KEYS: readonly string[] = EXPERIMENT_KEYS.filter(
  (key) => ExperimentSchema.shape[key].safeParse('word').success,
)
