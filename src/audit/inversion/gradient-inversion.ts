import { z } from 'zod'
import { noiseIn } from '../../config/noise-in.ts'
import { learningRate } from '../../federation/schedule.ts'
import type { Model } from '../../model/model.ts'
import { shuffle, stream } from '../../random.ts'
import { mean } from '../../stats.ts'
import type { Weights } from '../../weights/weights.ts'
import type { AttackPart, Found, ImagePair, Measure, Refusal } from '../attack.ts'
import { type Scene, seenByServer } from '../scene.ts'
import { type DenseChange, inputOfOne, inputsByUnit } from './closed-form.ts'
import { bySearch, exactly } from './eyes.ts'
import { featureMap } from './feature-map.ts'
import { type Greys, greysOf, pixelsOf } from './greys.ts'
import { type Grey, meanError, nearestTo, psnr } from './likeness.ts'

const options = z.strictObject({
  batch: z.int().min(1).max(1024).default(1).describe('images of the step that is inverted'),
  tries: z.int().min(1).max(100).default(4).describe('steps that are inverted, each of other images'),
  show: z.int().min(0).max(16).default(4).describe('images that are kept in audit.json and drawn; 0: none'),
  iterations: z.int().min(1).max(100_000).default(300).describe('of the search behind convolutions, for each image'),
})

export type Options = z.output<typeof options>

export const gradientInversion = {
  summary:
    'an image itself, from the update of a step on it: exact if the first layer is dense, else the one with its features',
  source:
    'Phong et al. 2018 (IEEE TIFS 13); Geiping et al. 2020 (arXiv:2003.14053), prop. 3.1; Fowl et al. 2022 (arXiv:2110.13057); Mahendran and Vedaldi 2015 (arXiv:1412.0035)',
  options,
  make: (chosen) => ({
    needs: 'the update of a single step of plain SGD',
    by: ['server'],
    make: (scene) => invert(scene, chosen),
  }),
} satisfies AttackPart<Options>

const NO_DENSE = 'the model has no dense layer, whose gradient would hold what it got'
const DROPOUT =
  'dropout in front of the first dense layer hides some of what it gets, and this attack does not guess that'

/** Units whose quotients are tried on the update of a whole round, and images that these are held against. */
const UNITS = 16
const HELD_AGAINST = 2000

async function invert(scene: Scene, chosen: Options): Promise<Refusal | Found[]> {
  const { prepared, manifest } = scene
  const { experiment, model, shards } = prepared
  const dense = model.layers.findIndex(({ layer }) => layer.type === 'dense')
  if (dense < 0) return { reason: NO_DENSE }
  const before = model.layers.slice(0, dense)
  if (before.some(({ layer }) => layer.type === 'dropout')) return { reason: DROPOUT }
  const { level, masks } = manifest.config.privacy ?? {}
  // Clipping alone makes an update shorter: quotients of its parts stay.
  if (noiseIn(experiment) === 'sent') {
    return { reason: `the step would lack the noise of level ${level} that owners add, and say nothing` }
  }
  const greys = greysOf(prepared)
  const guess = greys.mean(shards.flatMap(({ test }) => [...test]))
  // Under masks the step of one owner is added to those of the others, as if all images were in one batch.
  const batch = chosen.batch * (masks ? shards.length : 1)
  const step = await oneStep(scene, model.layers[dense]!.name)
  const eye = before.every(({ layer }) => layer.type === 'flatten')
    ? exactly(greys)
    : bySearch(featureMap(before, received(scene)), {
        from: guess,
        normalise: experiment.normalise,
        iterations: chosen.iterations,
        signal: scene.signal,
      })
  const train = Uint32Array.from(shards.flatMap((shard) => [...shard.train]))
  const found: { readonly real: Grey; readonly found: Grey }[] = []
  for (let k = 0; k < chosen.tries; k++) {
    const images = shuffle(train.slice(), stream(experiment.seed, 'audit', 'inverted', k)).slice(0, batch)
    const inputs = inputsOf(await step(images), batch)
    const imageOf = inputs.length > 0 ? eye.seeing(inputs) : async () => guess
    for (const image of images) {
      const real = greys.image(image)
      found.push({ real, found: await imageOf(real) })
    }
  }
  const error = mean(found.map(({ real, found }) => meanError(real, found)))
  const measures: [Measure, ...Measure[]] = [
    { name: 'image-error', value: error, guess: mean(found.map(({ real }) => meanError(real, guess))), best: 0 },
    {
      name: 'psnr',
      value: mean(found.map(({ real, found }) => psnr(real, found))),
      guess: mean(found.map(({ real }) => psnr(real, guess))),
      best: undefined,
    },
    ...(eye.exact ? wholeRound(scene, model.layers[dense]!.name, greys, guess) : []),
  ]
  return [
    {
      by: 'server',
      of: batch === 1 ? 'a step on one image' : `a step on ${batch} images`,
      what: 'what is in the image',
      measures,
      notes: [...notesOf(batch, masks !== undefined), ...eye.notes],
      ...(chosen.show > 0 && { images: { ...sides(model), pairs: found.slice(0, chosen.show).map(pairOf) } }),
    },
  ]
}

function inputsOf(change: DenseChange, batch: number): Float64Array[] {
  if (batch > 1) return inputsByUnit(change, change.bias.length)
  const input = inputOfOne(change)
  return input ? [input] : []
}

const pairOf = ({ real, found }: { real: Grey; found: Grey }): ImagePair => ({
  real: pixelsOf(real),
  found: pixelsOf(found),
})

const sides = ({ input: [channels, rows, cols] }: Model) => ({ rows: channels * rows, cols })

function notesOf(batch: number, masked: boolean): string[] {
  return [
    "the audit makes the step itself, from the run's model: the update of a whole round, which is what owners send, mixes the images of all its steps",
    ...(batch > 1 ? ['of several images, what is nearest to each is counted, which an attacker cannot know'] : []),
    ...(masked ? ['under masks the server has the sum of all owners, which is a step on the images of all'] : []),
  ]
}

/** The model that owners received. */
const received = ({ kept, model }: Scene): Weights => kept?.received ?? model

/** How a layer changes in a step of plain SGD on images, from the model that owners received. */
async function oneStep(scene: Scene, layer: string) {
  const { prepared, kept, open } = scene
  const { experiment } = prepared
  const learner = await open({ experiment: { ...experiment, optimizer: 'sgd', 'weight-decay': 0 } })
  const from = received(scene)
  const lr = learningRate(experiment, kept?.round ?? 1)
  const who = { owner: 0, name: 'the audit', round: 0, test: new Uint32Array() }
  return async (images: Uint32Array): Promise<DenseChange> => {
    const how = { batch: images.length, lr, epochs: 1, untilAccuracy: undefined, evaluate: false }
    const { weights } = await learner.train(from, { ...who, train: images, ...how }, () => {})
    return changeOf(layer, from, weights)
  }
}

function changeOf(layer: string, received: Weights, sent: Weights): DenseChange {
  const change = (name: string) => {
    const from = received.get(`${layer}.${name}`)!.data
    return sent.get(`${layer}.${name}`)!.data.map((value, i) => value - from[i]!)
  }
  return { rows: change('weight'), bias: change('bias') }
}

/** The same on what an owner did send: how near the nearest quotient comes to any of its images. */
function wholeRound(scene: Scene, layer: string, greys: Greys, guess: Grey): Measure[] {
  const [first] = seenByServer(scene)
  const received = scene.kept?.received
  if (!first || !received) return []
  const shard = scene.prepared.shards.find(({ owner }) => owner === first.owner)!
  const images = Array.from(shard.train.subarray(0, HELD_AGAINST), (image) => greys.image(image))
  const candidates = inputsByUnit(changeOf(layer, received, first.weights), UNITS).map((x) => greys.of(x))
  if (candidates.length === 0) return []
  const value = Math.min(...candidates.map((one) => nearestTo(one, images).error))
  return [{ name: 'whole-round-error', value, guess: nearestTo(guess, images).error, best: 0 }]
}
