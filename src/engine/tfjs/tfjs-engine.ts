import { setImmediate } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'
import { featureModel } from '../../model/features.ts'
import type { Model } from '../../model/model.ts'
import { requireRoom } from '../../system/limits.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Engine, Learner, LearnerJob, TrainPlan } from '../engine.ts'
import { checkHooks } from '../training/check-hooks.ts'
import { type Classify, evaluateWith } from '../training/evaluate.ts'
import { divergence, failure } from '../training/failure.ts'
import { fisherWith } from '../training/fisher.ts'
import { gramsWith } from '../training/grams.ts'
import { type Features, summariseWith } from '../training/summarise.ts'
import { type Callbacks, CHUNK_IMAGES, train } from '../training/train.ts'
import { trainRecords } from '../training/train-records.ts'
import { imageTensor } from './images.ts'
import { type Backend, loadBackend } from './load.ts'
import { buildNetwork, type Network } from './network.ts'
import { openRecordTrainer } from './record-trainer.ts'
import { squaredGradients } from './squared-gradients.ts'
import { openTrainer } from './train.ts'

/**
 * Trains with TensorFlow.js: on an NVIDIA GPU (cuda), or on the CPU with tfjs-node if that is installed, else in
 * pure JavaScript. Nothing of it is loaded before this is called.
 * @throws FedunifyError (usage) that says what is missing
 */
export async function loadTfjs(device: 'cpu' | 'cuda'): Promise<Engine> {
  requireRoom(0)
  const backend = await loadBackend(device)
  const note = backend.native
    ? {}
    : {
        note: 'TensorFlow.js in pure JavaScript is slow, and meant for tests; faster: npm install @tensorflow/tfjs-node',
      }
  return { name: 'tfjs', device, version: backend.version, ...note, open: async (job) => openLearner(backend, job) }
}

/** One model for all owners, who take turns: the library has one backend, and it blocks the event loop. */
function openLearner({ tf, native }: Backend, { signal, ...job }: LearnerJob): Learner {
  const network = buildNetwork(tf, job.model)
  let closed = false
  let last: Promise<unknown> = Promise.resolve()

  const check = () => {
    signal?.throwIfAborted()
    if (closed) throw new Error('the learner was closed')
  }
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(() => {
      check()
      return task()
    })
    last = result.catch(() => {})
    return result
  }
  const outputsOf =
    (of: Network) =>
    async (images: Uint8Array, count: number): Promise<Float32Array> => {
      // Lets Ctrl-C and the progress display in.
      await setImmediate()
      check()
      const outputs = tf.tidy(() => of.infer(imageTensor(tf, job, images, count)))
      try {
        return await outputs.data<'float32'>()
      } finally {
        outputs.dispose()
      }
    }
  const classify: Classify = outputsOf(network)
  /** Calls `task` with what computes the outputs of a model's first layers. */
  const withFeatures = async <T>(model: Model, weights: Weights, task: (features: Features) => Promise<T>) => {
    const first = buildNetwork(tf, model)
    try {
      first.load(new Map(model.parameters.map(({ name }) => [name, weights.get(name)!])))
      return await task(outputsOf(first))
    } finally {
      first.dispose()
    }
  }
  const summarise: Learner['summarise'] = (weights, indices) => {
    const model = featureModel(job.model)
    return withFeatures(model, weights, (features) => summariseWith(features, model.classes, job, indices))
  }
  const measure: Learner['measure'] = async (weights, indices, statistic) => {
    if (statistic === 'grams') {
      return await gramsWith(job, indices, (model, gram) => withFeatures(model, weights, gram))
    }
    network.load(weights)
    const labelled = statistic === 'empirical-fisher'
    return await fisherWith(squaredGradients(tf, network, job, { labelled, check }), job, indices)
  }
  // A JavaScript backend reports every batch: a chunk of a fast one could take it minutes.
  const chunkImages = native ? CHUNK_IMAGES : 1

  const trainInTurn: Learner['train'] = async (start, plan, report) => {
    checkHooks(job.model, plan)
    network.load(start)
    // On the weights that the network holds: those that it is asked for.
    const evaluate = () => evaluateWith(classify, job, plan.test)
    const result = await trainPlan(plan, { evaluate, report, check })
    if ('diverged' in result) throw divergence(plan, result.diverged)
    return result
  }

  const trainPlan = async (plan: TrainPlan, callbacks: Callbacks) => {
    const { record } = plan
    if (record) {
      const trainer = openRecordTrainer(tf, network, job, { ...plan, clip: record.clip }, check)
      return await trainRecords(trainer, { ...plan, record }, callbacks).finally(trainer.dispose)
    }
    const trainer = openTrainer(tf, network, job, plan, { chunkImages, check })
    return await train(trainer, job.seed, plan, callbacks).finally(trainer.dispose)
  }

  return {
    train: (start, plan, report) =>
      inTurn(() => trainInTurn(start, plan, report)).catch((error) => {
        signal?.throwIfAborted()
        throw error instanceof FedunifyError ? error : failure('tfjs', plan, error)
      }),
    evaluate: (weights, indices) =>
      inTurn(async () => {
        network.load(weights)
        return await evaluateWith(classify, job, indices)
      }),
    summarise: (weights, indices) => inTurn(() => summarise(weights, indices)),
    measure: (weights, indices, statistic) => inTurn(() => measure(weights, indices, statistic)),
    async close() {
      closed = true
      // What is under way ends at its next check.
      await last
      network.dispose()
    },
  }
}
