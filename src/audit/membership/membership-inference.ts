import { z } from 'zod'
import { DELTA } from '../../config/owner-noise.ts'
import { localEpochs } from '../../config/schema.ts'
import type { Shard } from '../../data/dataset.ts'
import type { Learner } from '../../engine/engine.ts'
import { learningRate } from '../../federation/schedule.ts'
import { modelOf, PRESET_NAMES } from '../../model/presets.ts'
import { shuffle, stream } from '../../random.ts'
import { mean } from '../../stats.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Adversary, AttackPart, Found, Measure, Refusal } from '../attack.ts'
import { type Scene, seenByServer } from '../scene.ts'
import { refutedEpsilon } from '../statistics/refuted-epsilon.ts'
import { auc, aucDeviation, countAbove, type Scores, truePositives } from '../statistics/roc.ts'
import { lira } from './lira.ts'
import { confidence, lossesOf } from './losses.ts'
import { trainShadows } from './shadows.ts'

const count = z.int().min(1)

const options = z.strictObject({
  images: z.int().min(20).default(2000).describe('so many that a model was trained on, and as many others, at most'),
  shadows: z.int().min(0).default(8).describe('models that are trained to compare with; 0: only the threshold'),
  epochs: count.optional().describe('epochs of a shadow model; without: those of the run, 20 at most'),
  model: z.enum(PRESET_NAMES).optional().describe('a shadow model; without: that of the run'),
  owners: z.int().min(0).default(1).describe('owners whose own models are attacked too, as the server sees them'),
})

export type Options = z.output<typeof options>

export const membershipInference = {
  summary: 'whether a model was trained on an image, by its loss, and by models that were and were not',
  source: 'Yeom et al. 2018 (arXiv:1709.01604); Carlini et al. 2022 (arXiv:2112.03570), LiRA',
  options,
  make: (chosen) => ({
    needs: 'a model, the images in question, and for shadow models images like them',
    by: ['user', 'server'],
    make: (scene, by) => inferMembers(scene, by, chosen),
  }),
} satisfies AttackPart<Options>

/** A model, and the images of those who trained it. */
interface Target {
  readonly by: Adversary
  readonly of: string
  readonly weights: Weights
  readonly shards: readonly Shard[]
}

async function inferMembers(scene: Scene, by: readonly Adversary[], chosen: Options): Promise<Refusal | Found[]> {
  const targets = targetsOf(scene, chosen).filter((target) => by.includes(target.by))
  if (targets.length === 0) return scene.without
  const learner = await scene.open()
  const all: Found[] = []
  for (const target of targets) all.push(...(await attacked(scene, target, learner, chosen)))
  return all
}

function targetsOf(scene: Scene, { owners }: Options): Target[] {
  const { shards } = scene.prepared
  const locals = seenByServer(scene).slice(0, owners)
  return [
    { by: 'user', of: 'the unified model', weights: scene.model, shards },
    ...locals.map(({ owner, weights }): Target => {
      const own = shards.filter((shard) => shard.owner === owner)
      return { by: 'server', of: `the model of owner ${owner}`, weights, shards: own }
    }),
  ]
}

async function attacked(scene: Scene, target: Target, learner: Learner, chosen: Options): Promise<Found[]> {
  const { by, of, weights, shards } = target
  const { seed } = scene.prepared.experiment
  const drawn = (which: 'train' | 'test') => {
    const all = Uint32Array.from(shards.flatMap((shard) => [...shard[which]]))
    return shuffle(all, stream(seed, 'audit', which, of))
  }
  const [train, test] = [drawn('train'), drawn('test')]
  const images = Math.min(chosen.images, train.length, test.length)
  const both = Uint32Array.from([...train.subarray(0, images), ...test.subarray(0, images)])
  const losses = await lossesOf(learner, weights, both)
  const split = (scores: Float64Array): Scores => ({
    members: scores.subarray(0, images),
    others: scores.subarray(images),
  })
  const what = 'who was trained on'
  const notes = [`${images} images that the model was trained on, and as many test images`]
  const byLoss = split(losses.map((loss) => -loss))
  const threshold = { by, what, notes, of: `${of}, loss`, measures: measuresOf(scene, byLoss) }
  const measures = [...threshold.measures, advantageOf(byLoss)] as const
  if (chosen.shadows < 2) return [{ ...threshold, measures }]
  const shadows = await shadowsOf(scene, both, learner, chosen)
  const ratios = split(lira(losses.map(confidence), shadows))
  const compared = `${chosen.shadows} shadow models, each trained on half of these images`
  return [
    { ...threshold, measures },
    { by, what, notes: [...notes, compared], of: `${of}, LiRA`, measures: measuresOf(scene, ratios) },
  ]
}

const EPOCHS = 20

async function shadowsOf(scene: Scene, images: Uint32Array, own: Learner, chosen: Options) {
  const { experiment, dataset } = scene.prepared
  const { seed, batch, rounds } = experiment
  const model =
    chosen.model === undefined ? scene.prepared.model : modelOf(chosen.model, dataset.shape, dataset.classes)
  const learner = chosen.model === undefined ? own : await scene.open({ model })
  const epochs = chosen.epochs ?? Math.min(EPOCHS, rounds * localEpochs(experiment))
  return await trainShadows(images, {
    ...{ learner, model, seed, batch, epochs },
    shadows: chosen.shadows,
    lr: learningRate(experiment, 1),
  })
}

function measuresOf({ manifest }: Scene, scores: Scores): [Measure, ...Measure[]] {
  const at = (falsePositives: number): Measure => {
    const { share, low, high } = truePositives(scores, falsePositives)
    return { name: `tpr-at-${falsePositives}`, value: share, low, high, guess: falsePositives, best: 1 }
  }
  const delta = manifest.config.privacy?.delta ?? DELTA
  return [
    { name: 'auc', ...around(auc(scores), aucDeviation(scores)), guess: 0.5, best: 1 },
    at(0.001),
    at(0.01),
    { name: 'epsilon-refuted', value: refutedEpsilon(scores, delta), guess: 0, best: undefined },
  ]
}

/** True less false positives if every loss below the mean loss of members is taken for a member's (Yeom et al., adversary 1). */
function advantageOf({ members, others }: Scores): Measure {
  const threshold = mean([...members])
  const [hits, misses] = [members, others].map((scores) => countAbove(scores, threshold) / scores.length) as [
    number,
    number,
  ]
  const variance = (hits * (1 - hits)) / members.length + (misses * (1 - misses)) / others.length
  return { name: 'advantage', ...around(hits - misses, Math.sqrt(variance)), guess: 0, best: 1 }
}

/** A value and its 95 % interval, if its errors are normal. */
const around = (value: number, deviation: number) => ({
  value,
  low: value - 1.96 * deviation,
  high: value + 1.96 * deviation,
})
