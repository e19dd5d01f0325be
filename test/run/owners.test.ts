import { expect, test } from 'vitest'
import { resolveExperiment } from '../../src/config/resolve.ts'
import type { Learner } from '../../src/engine/engine.ts'
import { divergence } from '../../src/engine/training/failure.ts'
import type { Owner } from '../../src/federation/owner.ts'
import { buildModel } from '../../src/model/model.ts'
import { pooledOwner, shardOwners } from '../../src/run/owners.ts'
import { weightsOf } from '../support/fake-owner.ts'

const model = buildModel([{ type: 'flatten' }, { type: 'dense', units: 2 }], [1, 2, 2], 2)
const dataset = { labels: new Uint8Array(new SharedArrayBuffer(3)), classes: 2 }
const shards = [1, 2].map((owner) => ({ owner, train: Uint32Array.of(owner), test: Uint32Array.of(owner) }))
const task = { round: 2, lr: 1, evaluate: true, evaluateReceived: false, instruction: {} }

test('what goes wrong is told of the owner that it is of, or of the pooled baseline', async () => {
  const experiment = resolveExperiment([{ kind: 'file', values: { baseline: 'pooled' }, where: () => 'test' }])
  const learner: Learner = {
    train: (_, plan) => Promise.reject(divergence(plan, { tensor: 'loss', value: Number.NaN, step: 3 })),
    evaluate: () => Promise.reject(new Error('not asked for')),
    summarise: () => Promise.reject(new Error('not asked for')),
    measure: () => Promise.reject(new Error('not asked for')),
    close: () => Promise.resolve(),
  }
  const [, second] = shardOwners({ experiment, model, dataset }, shards, learner)
  const failure = (owner: Owner) => owner.train(weightsOf(0), task, () => {})
  await expect(failure(second!)).rejects.toMatchObject({ message: expect.stringMatching(/^owner 2, round 2: loss/) })
  await expect(failure(pooledOwner({ experiment, model, dataset }, shards, learner))).rejects.toMatchObject({
    kind: 'training',
    message: expect.stringMatching(/^the pooled baseline, round 2: loss became NaN by step 3/),
    hint: expect.stringContaining('lower the learning rate'),
  })
})

test('sam goes with any objective, and with none: the pooled baseline trains as the owners do', async () => {
  const hooksOf = async (values: object) => {
    const experiment = resolveExperiment([
      { kind: 'file', values: { baseline: 'pooled', ...values }, where: () => 'test' },
    ])
    const seen: unknown[] = []
    const learner: Learner = {
      train: (_, { hooks }) => {
        seen.push(hooks)
        return Promise.reject(new Error('seen'))
      },
      evaluate: () => Promise.reject(new Error('not asked for')),
      summarise: () => Promise.reject(new Error('not asked for')),
      measure: () => Promise.reject(new Error('not asked for')),
      close: () => Promise.resolve(),
    }
    const run = { experiment, model, dataset }
    const received = weightsOf(0)
    for (const owner of [...shardOwners(run, shards, learner), pooledOwner(run, shards, learner)]) {
      await expect(owner.train(received, task, () => {})).rejects.toThrow('seen')
    }
    return { seen, received }
  }
  const perturb = { rho: 0.05 }
  const { seen, received } = await hooksOf({ objective: 'fedprox:mu=0.1', sam: 0.05 })
  const both = { gradient: { proximal: { mu: 0.1, anchor: received } }, perturb }
  expect(seen).toEqual([both, both, { perturb }])
  expect((await hooksOf({ sam: 0.05 })).seen).toEqual([{ perturb }, { perturb }, { perturb }])
  expect((await hooksOf({})).seen).toEqual([undefined, undefined, undefined])
})
