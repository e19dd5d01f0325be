import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { ObjectivePart } from '../../src/algorithm/objective/objective.ts'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import { workshop } from '../support/experiment.ts'
import { fakeFederation } from '../support/fake-federation.ts'
import { fakeOwner, weightsOf } from '../support/fake-owner.ts'
import { stateful } from '../support/stateful-objective.mjs'

// Before the schema is made of the registry.
;(OBJECTIVES as Record<string, ObjectivePart>).stateful = stateful
const { loadExperiment } = await import('../../src/config/load.ts')
const { execute, executeToEnd } = await import('../../src/run/execute.ts')
const { inThisProcess } = await import('../../src/run/participants.ts')
const { prepareRun } = await import('../../src/run/prepare.ts')

const { experiment, folder } = workshop()
const TINY = { model: [{ type: 'flatten' }, { type: 'dense', units: 4 }], merge: ['avg', 'max'], rounds: 2 }

afterAll(() => {
  delete (OBJECTIVES as Record<string, ObjectivePart>).stateful
})

/** Bytes of a safetensors file of tensors of these shapes, as its format says. */
function fileSize(shapes: Readonly<Record<string, readonly number[]>>): number {
  let end = 0
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const begin = end
    end += 4 * shape.reduce((n, side) => n * side, 1)
    return `"${name}":{"dtype":"F32","shape":[${shape}],"data_offsets":[${begin},${end}]}`
  })
  const header = `{"__metadata__":{},${entries.join(',')}}`
  return 8 + 8 * Math.ceil(header.length / 8) + end
}

const weight = [4, 12 * 12]
const bias = [4]
const model = fileSize({ 'dense1.weight': weight, 'dense1.bias': bias })
/** The server's mean, which goes to every owner. */
const mean = fileSize({ 'c/dense1.weight': weight, 'c/dense1.bias': bias })
/** The weights, and how far the owner moved. */
const moved = fileSize({
  'dense1.weight': weight,
  'dense1.bias': bias,
  'sent/moved/dense1.weight': weight,
  'sent/moved/dense1.bias': bias,
})

const prepared = async (name: string, given: object) =>
  inThisProcess(
    await prepareRun(await loadExperiment({ file: experiment(name, { ...TINY, ...given }), set: [], flags: {} })),
  )
const at = (name: string, id = 'a') => join(folder, 'results', name, id)
const csv = (path: string) => readFileSync(join(path, 'traffic.csv'), 'utf8')

/** A table in which both owners have, by round, these bytes down and up. */
const table = (rounds: readonly (readonly [number, number])[]) =>
  `round,owner,down_bytes,up_bytes\n${rounds
    .flatMap(([down, up], i) => [1, 2].map((owner) => `${i + 1},${owner},${down},${up}\n`))
    .join('')}`

// Each round has a model of avg, which the next one begins with, and one of max.
const CASES: [string, object, readonly (readonly [number, number])[]][] = [
  [
    'shared',
    {},
    [
      [3 * model, model],
      [2 * model, model],
    ],
  ],
  [
    'independent',
    { init: 'independent' },
    [
      [2 * model, model],
      [2 * model, model],
    ],
  ],
  [
    'pooled',
    { baseline: 'pooled' },
    [
      [3 * model, model],
      [2 * model, model],
    ],
  ],
  [
    'fedprox',
    { objective: { fedprox: { mu: 0.5 } } },
    [
      [3 * model, model],
      [2 * model, model],
    ],
  ],
  [
    'scaffold',
    { objective: 'scaffold' },
    [
      [3 * model, model],
      [2 * model, model],
    ],
  ],
  [
    'stateful',
    { objective: 'stateful', init: 'independent' },
    [
      [2 * model + mean, moved],
      [2 * model + mean, moved],
    ],
  ],
  [
    'stateful-shared',
    { objective: 'stateful', server: 'avgm' },
    [
      [3 * model + mean, moved],
      [2 * model + mean, moved],
    ],
  ],
]

describe('what would travel between owners in this process and the server', () => {
  it.each(CASES)('is told by shapes alone: %s', async (name, given, rounds) => {
    expect(model).toBeGreaterThan(4 * (4 * 144 + 4))
    await executeToEnd(await prepared(name, given), { path: at(name) })
    expect(csv(at(name))).toBe(table(rounds))
  })

  it.each(CASES)('is the same if the run was interrupted: %s', async (name, given, rounds) => {
    const run = await prepared(`again-${name}`, given)
    const path = at(`again-${name}`)
    for await (const event of execute(run, { path })) if (event.type === 'round-finished') break
    expect(csv(path)).toBe(table(rounds.slice(0, 1)))
    await executeToEnd(run, { path, resume: true })
    expect(csv(path)).toBe(table(rounds))
  })

  it('does not count the model that is evaluated first when a run with stop-at goes on', async () => {
    const run = await prepared('stops', { 'stop-at': 1, lr: 1e-9, merge: ['avg'] })
    const path = at('stops')
    for await (const event of execute(run, { path })) if (event.type === 'round-finished') break
    await executeToEnd(run, { path, resume: true })
    expect(csv(path)).toBe(
      table([
        [2 * model, model],
        [model, model],
      ]),
    )
  })

  it('is told by owner, in their order, and of one round', async () => {
    const size = fileSize({ w: [1] })
    const two = fileSize({ w: [1], 'sent/more/w': [3] })
    const sent = () => ({ more: weightsOf(1, 2, 3) })
    const owners = [fakeOwner(1, { delay: 20, sent }), fakeOwner(2)]
    const traffic = []
    for await (const event of fakeFederation(owners)) if (event.type === 'round-finished') traffic.push(event.traffic)
    expect(traffic).toEqual([
      [
        { owner: 1, down: 2 * size, up: two },
        { owner: 2, down: 2 * size, up: size },
      ],
      [
        { owner: 1, down: size, up: two },
        { owner: 2, down: size, up: size },
      ],
    ])
  })
})
