import { z } from 'zod'
import { mean } from '../stats.ts'
import { squaredDistance } from '../weights/distance.ts'
import type { AttackPart, Found, Refusal } from './attack.ts'
import type { Scene } from './scene.ts'

/** The sizes of shards from the lengths of updates: who has more images makes more steps. */
export const propertyInference = {
  summary: "how the owners' numbers of images stand to each other, from how far their models went in a round",
  source: 'Ganju et al. 2018 (CCS), property inference; here by the length of an update alone',
  options: z.strictObject({}),
  make: () => ({
    needs: 'the model of a round, before and after each owner trained it',
    by: ['server'],
    make: async (scene) => inferSizes(scene),
  }),
} satisfies AttackPart

function inferSizes(scene: Scene): Refusal | Found[] {
  const seen = scene.updates.filter(({ by, owners }) => by === 'server' && owners.length === 1)
  if (seen.length === 0) return scene.without
  if (seen.length < 2) return { reason: 'sizes are told from each other: it takes two owners' }
  const sizes = new Map(scene.prepared.shards.map(({ owner, train }) => [owner, train.length]))
  const real = shares(seen.map(({ owners }) => sizes.get(owners[0]!)!))
  const found = shares(seen.map(({ received, sent }) => Math.sqrt(squaredDistance(received, sent))))
  const error = (guess: readonly number[]) => mean(real.map((share, i) => Math.abs(share - guess[i]!)))
  return [
    {
      by: 'server',
      of: `each of ${seen.length} owners`,
      what: 'the sizes of the shards',
      measures: [{ name: 'size-error', value: error(found), guess: error(real.map(() => 1 / real.length)), best: 0 }],
      notes: ['owners tell the server how many images they train on: this is what their updates alone would tell'],
    },
  ]
}

function shares(values: readonly number[]): number[] {
  const whole = values.reduce((sum, value) => sum + value, 0)
  return values.map((value) => (whole === 0 ? 1 / values.length : value / whole))
}
