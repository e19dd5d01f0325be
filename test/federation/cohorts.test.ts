import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { ObjectivePart } from '../../src/algorithm/objective/objective.ts'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'
import { stateful } from '../support/stateful-objective.mjs'

// Before the schema is made of the registry.
;(OBJECTIVES as Record<string, ObjectivePart>).stateful = stateful
const { loadExperiment } = await import('../../src/config/load.ts')
const { executeToEnd } = await import('../../src/run/execute.ts')
const { inThisProcess } = await import('../../src/run/participants.ts')
const { prepareRun } = await import('../../src/run/prepare.ts')
const { ProcessCohort } = await import('../support/process-cohort.ts')

const { experiment, folder } = workshop()
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']

afterAll(() => {
  delete (OBJECTIVES as Record<string, ObjectivePart>).stateful
})

test.each([
  ['avg', {}],
  ['own-initial-weights', { init: 'independent', merge: ['absmax', 'avg', 'weighted-avg'], owners: 3 }],
  ['stop-at', { 'stop-at': 0.4, rounds: 30 }],
  ['evaluate-every', { 'evaluate-every': 3, 'stop-at': 0.99, rounds: 5 }],
  ['server-and-owner-state', { objective: 'stateful', server: { adam: { lr: 0.02 } }, merge: ['avg', 'max'] }],
  ['scaffold', { objective: 'scaffold', optimizer: 'momentum', 'lr-schedule': 'cosine' }],
  ['fedcm', { objective: 'fedcm' }],
  ['scaffold-and-sam', { objective: 'scaffold', sam: 0.1 }],
  ['fedexp-and-counts', { objective: 'balanced-softmax', server: 'fedexp', env: 'H', owners: 2 }],
  [
    'hidden-images',
    {
      model: SMALL_MODEL.filter(({ type }) => type !== 'dropout'),
      privacy: { level: 'record', clip: 1, epsilon: 20, 'insecure-test-seed': 1 },
    },
  ],
  ['fedprox', { objective: { fedprox: { mu: 0.5 } }, server: 'avgm' }],
])(
  'owners in processes of their own give the bytes of those in this one: %s',
  { timeout: 60_000 },
  async (name, given) => {
    const file = experiment(name, { rounds: 4, 'local-epochs': 2, ...given })
    const prepared = await prepareRun(await loadExperiment({ file, set: [], flags: {} }))
    const at = (id: string) => join(folder, 'results', name, id)
    const run = { resume: false, sinks: [] }
    const here = inThisProcess(prepared)
    await executeToEnd(here, { ...run, path: at('here') })
    const cohort = await ProcessCohort.start(prepared.experiment)
    const open = async () => ({ owners: cohort, baseline: undefined, close: () => cohort.close() })
    await executeToEnd({ ...here, open }, { ...run, path: at('apart') })
    for (const result of FILES) {
      expect(readFileSync(join(at('apart'), result)).equals(readFileSync(join(at('here'), result))), result).toBe(true)
    }
    // A model travels once, whatever is asked of the owners with it.
    const rounds =
      readFileSync(join(at('apart'), 'table.csv'), 'utf8')
        .trim()
        .split('\n').length - 1
    const first = prepared.experiment.init === 'shared' ? 1 : 0
    expect(cohort.published).toBe(first + rounds * prepared.experiment.merge.length)
  },
)
