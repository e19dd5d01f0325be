import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { MergeRule } from '../../src/algorithm/merge/rule.ts'
import type { ObjectivePart } from '../../src/algorithm/objective/objective.ts'
import type { ServerStep } from '../../src/algorithm/server/server-step.ts'
import type { SinkPart } from '../../src/report/sinks/sink-part.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, rowsOf } from '../support/run-folder.ts'

// What a newcomer adds: one file and one line in a registry for each.

/** The weights of one owner. */
const pick = {
  summary: 'the weights of one owner',
  source: 'this test',
  when: 'never',
  needs: 'each',
  options: z.strictObject({ owner: z.int().min(1).default(1).describe('whose weights') }),
  check: ({ owner }, owners) => (owner > owners ? `there is no owner ${owner}` : undefined),
  make:
    ({ owner }) =>
    (values, _owners, out) =>
      out.set(values[owner - 1]!),
} satisfies MergeRule<{ owner: number }>

/** A step that goes only a part of the way. */
const halfway = {
  summary: 'a part of the way to the merged model',
  source: 'this test',
  options: z.strictObject({ share: z.number().min(0).max(1).default(0.5).describe('of the way') }),
  slots: () => ({ steps: 0 }),
  make:
    ({ share }) =>
    (model, merged, { steps }, out) => {
      for (let i = 0; i < out.length; i++) {
        steps![i]! += 1
        out[i] = model[i]! + share * (merged[i]! - model[i]!)
      }
    },
} satisfies ServerStep<{ share: number }>

/** Nothing is learnt of classes whose logits are pushed out of reach. */
const deaf = {
  summary: 'no owner learns of the first class',
  source: 'this test',
  options: z.strictObject({ shift: z.number().default(-100).describe('of its logit').meta({ short: 'deafness' }) }),
  make: ({ shift }) => ({ hooks: () => ({ logits: { shift: Float32Array.of(shift, 0, 0, 0) } }) }),
} satisfies ObjectivePart<{ shift: number }>

const told: string[] = []

/** A sink that remembers. */
const memory = {
  summary: 'remembers what it was told',
  source: 'this test',
  options: z.strictObject({ only: z.enum(['all', 'rounds']).default('all').describe('which events') }),
  make:
    ({ only }) =>
    () => ({
      name: 'memory',
      event({ type }) {
        if (only === 'all' || type === 'round-finished') told.push(type)
      },
      close: () => void told.push('closed'),
    }),
} satisfies SinkPart<{ only: 'all' | 'rounds' }>

vi.mock('../../src/algorithm/merge/registry.ts', async (original) => {
  const registry = await original<typeof import('../../src/algorithm/merge/registry.ts')>()
  Object.assign(registry.MERGE_RULES, { pick })
  return registry
})
vi.mock('../../src/algorithm/server/registry.ts', async (original) => {
  const registry = await original<typeof import('../../src/algorithm/server/registry.ts')>()
  Object.assign(registry.SERVER_STEPS, { halfway })
  return registry
})
vi.mock('../../src/algorithm/objective/registry.ts', async (original) => {
  const registry = await original<typeof import('../../src/algorithm/objective/registry.ts')>()
  Object.assign(registry.OBJECTIVES, { deaf })
  return registry
})
vi.mock('../../src/report/sinks/registry.ts', async (original) => {
  const registry = await original<typeof import('../../src/report/sinks/registry.ts')>()
  Object.assign(registry.SINKS, { memory })
  return registry
})

const { fedunify } = await import('../support/command-line.ts')

const { folder } = workshop({ classes: 4 })
const given = ['--dataset', 'idx', '--data', join(folder, 'idx'), '--model', 'mlp', '--rounds', '2', '--device', 'cpu']
const run = async (id: string, ...more: string[]) => {
  const out = temporaryFolder()
  const ended = await fedunify(['run', ...given, '--name', 'a', '--out', out, '--run-id', id, '--quiet', ...more])
  return { ...ended, path: join(out, 'a', id) }
}

it('a merge rule is one file and one line', async () => {
  const help = (await fedunify(['run', '--help'])).out
  expect(help).toMatch(/^ {2}pick +the weights of one owner\n +this test\n +owner: whose weights \(.*default 1\)$/m)
  const { code, path } = await run('rule', '--merge', 'avg,pick:owner=2')
  expect(code).toBe(0)
  expect(manifestOf(path).config.merge).toEqual(['avg', { pick: { owner: 2 } }])
  expect(rowsOf(path, 'unified.csv').map(({ merge }) => merge)).toEqual(['avg', 'pick', 'avg', 'pick'])
  expect(await run('refused', '--merge', 'pick', '--set', 'merge.pick.owner=7')).toMatchObject({
    code: 2,
    err: expect.stringContaining('error: merge pick: there is no owner 7\n'),
  })
})

it('a server step is one file and one line, and its state is kept', async () => {
  const help = (await fedunify(['run', '--help'])).out
  expect(help).toMatch(/--server <none\|[a-z|]+\|halfway>/)
  expect(help).toMatch(/^ {2}halfway +a part of the way to the merged model\n +this test\n +share: of the way/m)
  const stays = await run('stays', '--server', 'halfway:share=0')
  expect(stays.code).toBe(0)
  // Nobody ever leaves the initial model, so the owners' models are the same in each round of the same lr.
  const unified = rowsOf(stays.path, 'unified.csv').map(({ accuracy }) => accuracy)
  expect(unified[1]).toBe(unified[0])
  const { readCheckpoint } = await import('../../src/runs/checkpoint.ts')
  const saved = await readCheckpoint(stays.path)
  expect(Object.keys(saved!.serverState)).toEqual(['server/steps'])
  expect(new Set([...saved!.serverState['server/steps']!.values()].flatMap(({ data }) => [...data]))).toEqual(
    new Set([2]),
  )
  expect(await run('wrong', '--server', 'halfway:share=2')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--server'),
  })
  expect((await run('own', '--server', 'halfway', '--init', 'independent')).err).toContain(
    'error: server halfway steps from the model that all owners received, but with init independent each has its own\n',
  )
})

it('a local objective is one file and one line, short key included', async () => {
  const help = (await fedunify(['run', '--help'])).out
  expect(help).toContain('--deafness <x>')
  const accuracyOf = (path: string) => Number(rowsOf(path, 'unified.csv').at(-1)!.accuracy)
  const plain = await run('plain', '--lr', '0.2')
  const { code, path } = await run('deaf', '--lr', '0.2', '--objective', 'deaf', '--deafness', '-50')
  expect(code).toBe(0)
  expect(manifestOf(path).config.objective).toEqual({ deaf: { shift: -50 } })
  expect(accuracyOf(path)).not.toBe(accuracyOf(plain.path))
})

it('a sink is one file and one line', async () => {
  const help = (await fedunify(['run', '--help'])).out
  expect(help).toContain('--sink <ndjson|memory>')
  expect(help).toMatch(/^ {2}memory +remembers what it was told\n +this test\n +only: which events/m)
  const file = join(temporaryFolder(), 'deep', 'events.ndjson')
  const { code } = await run('sink', '--sink', `memory:only=rounds,ndjson:file=${file}`)
  expect(code).toBe(0)
  expect(told).toEqual(['round-finished', 'round-finished', 'closed'])
  const types = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).type)
  expect(types.filter((type) => type !== 'owner-progress')).toEqual([
    'started',
    ...['owner-trained', 'owner-trained', 'round-finished'],
    ...['owner-trained', 'owner-trained', 'round-finished'],
    'finished',
  ])
  expect(await run('unknown', '--sink', 'memry')).toMatchObject({
    code: 2,
    err: 'error: --sink: expected one of ndjson, memory, got "memry"\nhint: did you mean memory?\n',
  })
  expect((await run('option', '--sink', 'memory:only=none')).err).toContain('error: --sink')
  expect((await fedunify(['__complete', '--', 'run', '--sink', 'm'])).out).toBe('memory\tremembers what it was told\n')
})
