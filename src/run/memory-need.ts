import { asksOf } from '../algorithm/merge/assert-rule.ts'
import { distinctAsks } from '../algorithm/merge/rule.ts'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import type { Experiment } from '../config/schema.ts'
import type { Device, OptimizerSettings } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { drawnOwners, trainingOwners } from '../federation/drawn-owners.ts'
import { lastRound } from '../federation/schedule.ts'
import { dataSize, gigabytes, thousands } from '../format.ts'
import { denseInputs } from '../model/features.ts'
import { type Model, parameterCount, sizeOf } from '../model/model.ts'
import { make, nameOf } from '../parts.ts'
import { memoryLimit } from '../system/memory-limit.ts'

/** Bytes of a float32. */
const FLOAT = 4

/**
 * Copies of the weights that a run holds at the least: the owners' on their way, the merged ones of this round and the
 * last, and those of the graphs that are made of a model. Measured with the onnx engine, on a dense model of 23 million
 * parameters and one of 80 million, with one worker: 16 with sgd, 22 with momentum, 29 with adam; and 5 more with a
 * second worker. What is counted here is three quarters of it, for what is refused must be too much without a doubt.
 */
const COPIES = { run: 8, worker: 4, state: 4 }

/** Tensors that an optimizer keeps for each one of the weights. */
const STATES: Readonly<Record<OptimizerSettings['kind'], number>> = { sgd: 0, momentum: 1, adam: 2 }

export interface MemoryNeed {
  /** Bytes for the weights and all that there is once for each of them. */
  readonly weights: number
  /** Bytes for what the layers make of the images of a batch, and the gradients of that. */
  readonly activations: number
  /** Bytes for what merge rules ask of the owners beside their weights. */
  readonly statistics: number
}

/**
 * What a run needs of this machine's memory, at the least, besides the dataset. On a GPU training is in its memory.
 * @param images that an owner trains on, at most
 */
export function memoryNeed(
  model: Model,
  experiment: Pick<Experiment, 'owners' | 'participants' | 'workers' | 'batch' | 'optimizer' | 'merge'>,
  device: Device,
  images: number,
): MemoryNeed {
  const { workers, batch, optimizer } = experiment
  const training = device === 'cpu' ? Math.min(workers, trainingOwners(experiment)) : 0
  const copies = COPIES.run + training * (COPIES.worker + STATES[nameOf(optimizer)] * COPIES.state)
  // relu, dropout and flatten may be computed in place.
  const made = model.layers.filter(({ layer }) => ['conv2d', 'maxpool2d', 'dense', 'etf'].includes(layer.type))
  const values = made.reduce((sum, { output }) => sum + sizeOf(output), 0)
  return {
    weights: FLOAT * parameterCount(model) * copies,
    activations: 2 * FLOAT * values * Math.min(batch, images) * training,
    statistics: FLOAT * trainingOwners(experiment) * handedIn(model, experiment),
  }
}

/** Values that an owner hands in beside its weights: all are held until they are merged. */
function handedIn(model: Model, { merge }: Pick<Experiment, 'merge'>): number {
  const asks = distinctAsks(merge.flatMap((choice) => [...asksOf(choice)]))
  const grams = denseInputs(model).reduce((sum, { before: { classes: n } }) => sum + (n * (n + 1)) / 2, 0)
  return asks.reduce((sum, { statistic }) => sum + (statistic === 'grams' ? grams : parameterCount(model)), 0)
}

/** @throws FedunifyError (usage) if a run needs more than there is: it would be killed without a word */
export function assertMemory(
  model: Model,
  experiment: Experiment,
  device: Device,
  images: number,
  limit = memoryLimit(),
): void {
  const { weights, activations, statistics } = memoryNeed(model, experiment, device, images)
  const all = weights + activations + statistics
  if (all <= limit) return
  const needs = `needs about ${gigabytes(all)} of memory or more, there are ${gigabytes(limit)}`
  throw new FedunifyError(
    'E_MEMORY',
    `the model of ${thousands(parameterCount(model))} parameters ${needs}`,
    statistics > Math.max(activations, weights)
      ? 'use a merge rule that asks for no statistics of the owners, a smaller model or fewer owners'
      : activations > weights
        ? 'use a smaller batch, a smaller model or fewer workers'
        : 'use a smaller model or fewer workers',
  )
}

/** Copies of what an owner keeps that there are when a round is saved: its own, and that in the checkpoint. */
const STATE_COPIES = 2

/**
 * Looks whether what owners in this process keep between rounds fits: of one that has trained, at least one set of
 * weights, also while it is absent.
 * @throws FedunifyError (usage) if it does not
 */
export function assertStates(model: Model, experiment: Experiment, limit = memoryLimit()): void {
  const objective: Objective = make(OBJECTIVES, experiment.objective)
  if (!objective.end) return
  const all = Array.from({ length: experiment.owners }, (_, i) => i + 1)
  const rounds = experiment.participants ? lastRound(experiment) : 1
  const keeping = new Set<number>()
  for (let round = 1; round <= rounds; round++)
    for (const owner of drawnOwners(experiment, all, round)) keeping.add(owner)
  const state = FLOAT * parameterCount(model)
  const needed = STATE_COPIES * state * keeping.size
  if (needed <= limit) return
  const what = `objective ${nameOf(experiment.objective)} keeps ${dataSize(state)} or more at each of ${thousands(keeping.size)} owners`
  throw new FedunifyError(
    'E_MEMORY',
    `${what}, which needs about ${gigabytes(needed)} of memory or more, there are ${gigabytes(limit)}`,
    'use fewer owners, a smaller model, or an objective that keeps nothing',
  )
}
