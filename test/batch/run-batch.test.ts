import { expect, test } from 'vitest'
import { planBatch } from '../../src/batch/plan.ts'
import { runBatch } from '../../src/batch/run-batch.ts'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'

const { experiment } = workshop()

test('what another batch did after this one was planned is not done again', async () => {
  const file = experiment('shared', { rounds: 1, seeds: 2 })
  const runs = await planBatch([file], [])
  expect(runs.map(({ state }) => state)).toEqual(['none', 'none'])
  expect((await runBinary(['batch', file, '--quiet'])).code).toBe(0)
  const told: string[] = []
  const listener = {
    started: () => told.push('started'),
    note: () => {},
    fetching: () => {},
    event: () => told.push('event'),
    ended: ({ outcome }: { outcome: string }) => told.push(outcome),
  }
  const results = await runBatch(runs, { jobs: 1, signal: new AbortController().signal, listener })
  expect(results.map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped'])
  expect(told).toEqual(['skipped', 'skipped'])
})
