import { z } from 'zod'
import { noiseIn } from '../../config/noise-in.ts'
import { labelHistogram } from '../../data/partition/partition.ts'
import type { Model } from '../../model/model.ts'
import { nameOf } from '../../parts.ts'
import { mean } from '../../stats.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Adversary, AttackPart, Found, LabelShares, Refusal } from '../attack.ts'
import type { Scene } from '../scene.ts'
import type { SeenUpdate } from '../seen-updates.ts'
import { type LastLayerChange, labelsOfUpdate } from './labels-of-update.ts'

export const labelInference = {
  summary: 'which classes an owner holds, and in which shares, from how the last layer moved in a round',
  source: 'Zhao et al. 2020 (arXiv:2001.02610), iDLG; Wainakh et al. 2021 (arXiv:2105.09369)',
  options: z.strictObject({
    power: z
      .number()
      .gt(0)
      .default(2)
      .describe('shares are as what rose in a row to this power: 1 for a single step, more if training is long'),
  }),
  make: ({ power }) => ({
    needs: 'the model of a round, before and after an owner trained it',
    by: ['server', 'owner'],
    make: async (scene, by) => inferLabels(scene, by, power),
  }),
} satisfies AttackPart<{ power: number }>

function inferLabels(scene: Scene, by: readonly Adversary[], power: number): Refusal | Found[] {
  const { model } = scene.prepared
  const last = model.layers.at(-1)!
  if (last.layer.type !== 'dense')
    return { reason: `the last layer is ${last.layer.type}, which has no row for a class` }
  const seen = scene.updates.filter((update) => by.includes(update.by))
  if (seen.length === 0) return scene.without
  const how = signsHold(model, scene) ? 'signs' : 'sums'
  const parties = [...new Set(seen.map((update) => update.by))]
  return parties.map((party) => {
    const own = seen.filter((update) => update.by === party)
    return found(scene, party, own, (update) => labelsOfUpdate(changeOf(update, last.name), how, power))
  })
}

/** Whether nothing but images of a class can raise a part of its row. */
function signsHold({ layers }: Model, { prepared }: Scene): boolean {
  const { objective, 'weight-decay': decay } = prepared.experiment
  const before = layers.slice(0, -1).findLast(({ layer }) => layer.type !== 'dropout' && layer.type !== 'flatten')
  const positive = before?.layer.type === 'relu' || before?.layer.type === 'maxpool2d'
  const noisy = noiseIn(prepared.experiment) === 'sent'
  return positive && !noisy && decay === 0 && nameOf(objective) === 'cross-entropy'
}

function changeOf({ received, sent }: SeenUpdate, layer: string): LastLayerChange {
  const change = (name: string) => {
    const from = (received as Weights).get(`${layer}.${name}`)!.data
    return sent.get(`${layer}.${name}`)!.data.map((value, i) => value - from[i]!)
  }
  return { rows: change('weight'), bias: change('bias') }
}

function found(
  { prepared }: Scene,
  by: Adversary,
  updates: readonly SeenUpdate[],
  infer: (update: SeenUpdate) => ReturnType<typeof labelsOfUpdate>,
): Found {
  const { shards, dataset } = prepared
  const histogram = (owners: readonly number[]) => {
    const all = shards.filter(({ owner }) => owners.includes(owner)).map(({ train }) => labelHistogram(dataset, train))
    return all.reduce((sum, one) => sum.map((count, c) => count + one[c]!))
  }
  const pooled = sharesOf(histogram(shards.map(({ owner }) => owner)))
  const each = updates.map((update) => {
    const real = sharesOf(histogram(update.owners))
    const labels = infer(update)
    return {
      shares: { of: update.of, real, found: labels.shares } satisfies LabelShares,
      right: mean(labels.present.map((there, c) => Number(there === real[c]! > 0))),
      guessed: mean(pooled.map((share, c) => Number(share > 0 === real[c]! > 0))),
      error: distance(labels.shares, real),
      guessedError: distance(pooled, real),
    }
  })
  const average = (pick: (one: (typeof each)[number]) => number) => mean(each.map(pick))
  return {
    by,
    of: updates.length === 1 ? updates[0]!.of : `each of ${updates.length} owners`,
    what: 'which classes an owner holds',
    measures: [
      {
        name: 'classes-right',
        value: average(({ right }) => right),
        guess: average(({ guessed }) => guessed),
        best: 1,
      },
      { name: 'share-error', value: average(({ error }) => error), guess: average((one) => one.guessedError), best: 0 },
    ],
    shares: each.map(({ shares }) => shares),
  }
}

function sharesOf(counts: readonly number[]): number[] {
  const whole = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => count / whole)
}

/** Mean absolute difference. */
const distance = (a: readonly number[], b: readonly number[]) => mean(a.map((value, i) => Math.abs(value - b[i]!)))
