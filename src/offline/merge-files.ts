import { rm } from 'node:fs/promises'
import { assertRuleFits } from '../algorithm/merge/assert-rule.ts'
import { FedunifyError } from '../errors.ts'
import { putFile } from '../runs/write/growing-file.ts'
import { bytesOf, FLOAT_TYPES, isFloatType } from '../weights/safetensors/dtype.ts'
import type { NewEntry } from '../weights/safetensors/header.ts'
import type { MergeJob } from './job.ts'
import { assertAlike } from './model/alike.ts'
import { closeModels, type Model, openModel } from './model/model.ts'
import { cardName, cardText, mergedMetadata } from './output/card.ts'
import { Output } from './output/output.ts'
import { assertPlace } from './output/place.ts'
import { reachOf } from './pieces.ts'
import { assertRoom } from './room.ts'
import { type StreamOptions, streamMerge } from './stream.ts'
import { assertUsable, assertWeights } from './usable.ts'

/** What is asked for: a job with models that are not open yet. */
export interface MergeRequest extends Pick<MergeJob, 'weights' | 'rule' | 'dtype'> {
  readonly models: readonly string[]
  readonly base: string | undefined
  readonly out: string
  /** Bytes of a file of the merged model; undefined for one file. */
  readonly shard: number | undefined
  /** Whether an older model is replaced. */
  readonly force: boolean
}

/** What was written. */
export interface MergedModel {
  readonly path: string
  readonly card: string
  readonly tensors: number
  readonly bytes: number
}

/**
 * Merges models of any kind, without any run: reads them piece by piece, and writes the merged model and its card whole
 * or not at all.
 * @throws FedunifyError (usage) or (data), before anything is written if it can be known then
 */
export async function mergeFiles(request: MergeRequest, options: StreamOptions): Promise<MergedModel> {
  const { weights, rule, dtype, base, out, shard, force } = request
  if (request.models.length + (base === undefined ? 0 : 1) < 2) {
    throw new FedunifyError('E_MERGE_RULE', 'there is nothing to merge: one model', 'name two models or more')
  }
  assertUsable(rule, weights, base !== undefined)
  const opened: Model[] = []
  try {
    for (const path of [...request.models, ...(base === undefined ? [] : [base])]) opened.push(await openModel(path))
    const count = request.models.length
    const job: MergeJob = { models: opened.slice(0, count), base: opened[count], weights, rule, dtype }
    const reach = reachOf(rule)
    assertAlike(opened)
    const shapes = shapesOf(job)
    assertRuleFits(rule, { shapes, classes: Number.NaN })
    if (shapes.size > 0) assertWeights(rule, weights, [...shapes.keys()], base !== undefined)
    if (reach === 'model') assertRoom(job)
    await assertPlace({ out, force, sharded: shard !== undefined }, opened)
    const output = await Output.create(out, entriesOf(job), mergedMetadata(job, new Map()), shard)
    return await finish(job, output, () => streamMerge(job, reach, output, options), options.signal)
  } finally {
    await closeModels(opened)
  }
}

/** The card is in place just before the model: a model without one would be there for nobody knows what. */
async function finish(
  job: MergeJob,
  output: Output,
  stream: () => ReturnType<typeof streamMerge>,
  signal: AbortSignal,
): Promise<MergedModel> {
  const { path, bytes } = output
  const card = cardName(path)
  const { tensors } = job.models[0]!
  const copied = [...tensors.values()].filter(({ dtype }) => !isFloatType(dtype)).map(({ name }) => name)
  let isPut = false
  try {
    const digests = await stream()
    await output.finish(mergedMetadata(job, digests), async () => {
      signal.throwIfAborted()
      await putFile(card, cardText(job, digests, { path, bytes, copied }))
      isPut = true
    })
  } catch (error) {
    await output.discard()
    if (isPut) await rm(card, { force: true })
    throw error
  }
  return { path, card, tensors: tensors.size, bytes }
}

/** Of the tensors that are merged. */
const shapesOf = ({ models }: MergeJob) =>
  new Map(
    [...models[0]!.tensors.values()].filter(({ dtype }) => isFloatType(dtype)).map(({ name, shape }) => [name, shape]),
  )

/** The tensors of the first model, in its order; those that are merged have the type that was asked for. */
function entriesOf({ models, dtype }: MergeJob): NewEntry[] {
  return [...models[0]!.tensors.values()].map(({ name, dtype: own, shape, values }) => {
    const type = dtype && isFloatType(own) ? FLOAT_TYPES[dtype] : own
    return { name, dtype: type, shape, bytes: bytesOf(type, values) }
  })
}
