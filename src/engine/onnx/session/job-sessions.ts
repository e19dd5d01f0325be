import type { Weights } from '../../../weights/weights.ts'
import type { Device, Evaluation, TrainingSetup } from '../../engine.ts'
import { clippedSumGraph } from '../graph/clipped-sum-graph.ts'
import { evaluationGraph } from '../graph/evaluation-graph.ts'
import { givenStepGraph } from '../graph/given-step-graph.ts'
import type { Hooked } from '../graph/hooks.ts'
import { inferenceGraph } from '../graph/inference-graph.ts'
import type { Blocks } from '../graph/layers/blocked-kernels.ts'
import { webGpu } from '../graph/layers/fill-channels.ts'
import { microBatchSize } from '../graph/micro-batch-size.ts'
import { trainingGraph } from '../graph/training-graph.ts'
import { createSession } from './create-session.ts'
import { evaluate, evaluateWeights } from './evaluate.ts'
import type { InferenceSession } from './ort.ts'
import type { SharedWeights } from './shared-weights.ts'

/** How the graphs run. */
export interface Target {
  readonly device: Device
  /** Channels of a block, if they are blocked. */
  readonly block?: number
  /** Bytes of a layer's output that micro-batches keep to; 0: there are none. */
  readonly cacheBytes?: number
}

/** Images of which the clipped gradients are summed at a time: a multiple of all blocks, whose tensors fit the cache. */
export const CLIPPED_BATCH = 32

/** What a thread computes a job with; a session is made when it is first needed, and kept. */
export interface Sessions {
  /** Sums clipped gradients, in batches of CLIPPED_BATCH. */
  clippedSum(hooked: Hooked): Promise<InferenceSession>
  /** Makes one update by a gradient. */
  givenStep(hooked: Hooked): Promise<InferenceSession>
  /** Trains on batches of so many images, of a plan whose full batches have `full`, with these hooks. */
  training(batch: number, full: number, hooked: Hooked): Promise<InferenceSession>
  /** On each of several test sets. */
  evaluateShared(weights: SharedWeights, sets: readonly Uint32Array[]): Promise<Evaluation[]>
  evaluateLocal(weights: Weights, indices: Uint32Array): Promise<Evaluation>
}

export function openSessions(target: Target, job: TrainingSetup): Sessions {
  const { block, cacheBytes = 0, device } = target
  const records = recordSessions(target, job)
  const others = block === undefined ? standardSessions(device, job) : blockedSessions({ block, cacheBytes }, job)
  return { ...records, ...others }
}

type RecordSessions = Pick<Sessions, 'clippedSum' | 'givenStep'>

function recordSessions({ device, block }: Target, { model, normalise, optimizer }: TrainingSetup): RecordSessions {
  const once = keptSessions(device)
  const blocks = block === undefined ? undefined : { block, batch: CLIPPED_BATCH }
  return {
    clippedSum: ({ targets }) =>
      once(`clipped ${targets}`, () =>
        clippedSumGraph(model, normalise, blocks, { targets }, webGpu(device, CLIPPED_BATCH)),
      ),
    givenStep: (hooked) => once(`step ${JSON.stringify(hooked)}`, () => givenStepGraph(model, optimizer, hooked)),
  }
}

/** Makes a session when it is first asked for, and keeps it by its key. */
function keptSessions(device?: Device) {
  const sessions = new Map<string, Promise<InferenceSession>>()
  return (key: string, graph: () => Uint8Array): Promise<InferenceSession> => {
    const session = sessions.get(key) ?? createSession(graph(), device)
    sessions.set(key, session)
    return session
  }
}

/** One graph trains on batches of any size, save on WebGPU; every model that is evaluated needs a session of its own. */
function standardSessions(device: Device, job: TrainingSetup): Omit<Sessions, keyof RecordSessions> {
  const { model, normalise, optimizer } = job
  const open = (weights: Weights) => createSession(inferenceGraph(model, normalise, weights, webGpu(device)), device)
  const training = keptSessions(device)
  /** The model evaluated last: the next owner's evaluation is mostly of the same one. */
  let scored: { readonly id: number; readonly session: InferenceSession } | undefined
  return {
    training(batch, _full, hooked) {
      const webgpu = webGpu(device, batch)
      const graph = () => trainingGraph(model, normalise, optimizer, undefined, hooked, webgpu)
      return training(JSON.stringify([webgpu, hooked]), graph)
    },
    async evaluateShared({ id, weights }, sets) {
      if (scored?.id !== id) {
        const last = scored
        scored = undefined
        await last?.session.release()
        scored = { id, session: await open(weights) }
      }
      const evaluations: Evaluation[] = []
      for (const indices of sets) evaluations.push(await evaluate(scored.session, job, indices))
      return evaluations
    },
    async evaluateLocal(weights, indices) {
      const session = await open(weights)
      try {
        return await evaluate(session, job, indices)
      } finally {
        await session.release()
      }
    },
  }
}

/** A graph for full batches is for no others, and faster for that; one session evaluates all models. */
function blockedSessions(
  { block, cacheBytes }: Required<Omit<Target, 'device'>>,
  job: TrainingSetup,
): Omit<Sessions, keyof RecordSessions> {
  const { model, normalise, optimizer } = job
  const training = keptSessions()
  const inParts = ({ block, batch }: Blocks): Blocks => {
    const microBatch = batch && microBatchSize(model, { block, batch }, cacheBytes)
    return { block, ...(batch && { batch }), ...(microBatch && { microBatch }) }
  }
  let evaluation: Promise<InferenceSession> | undefined
  const score = async (weights: Weights, sets: readonly Uint32Array[]) => {
    evaluation ??= createSession(evaluationGraph(model, normalise, block))
    return await evaluateWeights(await evaluation, job, weights, sets)
  }
  return {
    training(batch, full, hooked) {
      const blocks = { block, ...(batch === full && { batch }) }
      const graph = () => trainingGraph(model, normalise, optimizer, inParts(blocks), hooked)
      return training(JSON.stringify([blocks, hooked]), graph)
    },
    evaluateShared: ({ weights }, sets) => score(weights, sets),
    evaluateLocal: async (weights, indices) => (await score(weights, [indices]))[0]!,
  }
}
