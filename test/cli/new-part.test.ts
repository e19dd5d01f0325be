import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { PartitionPart } from '../../src/data/partition/types.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf } from '../support/run-folder.ts'

/** A partition that a newcomer adds: one file, and one line in the registry. */
const stripes = {
  summary: 'images dealt out in stripes',
  source: 'this test',
  options: z.strictObject({
    width: z.int().min(1).default(1).describe('images in a row to one owner'),
    holdout: z
      .int()
      .min(1)
      .describe('test images of each owner')
      .meta({ short: 'holdout', examples: [3] }),
  }),
  make: ({ width, holdout }) => ({
    split: (_labels, { owners, indices }) =>
      Array.from({ length: owners }, (_, i) => {
        const own = indices.filter((_, at) => Math.floor(at / width) % owners === i)
        return { owner: i + 1, train: own.slice(holdout), test: own.slice(0, holdout) }
      }),
  }),
} satisfies PartitionPart<{ width: number; holdout: number }>

vi.mock('../../src/data/partition/registry.ts', async (original) => {
  const registry = await original<typeof import('../../src/data/partition/registry.ts')>()
  const PARTITIONS = { ...registry.PARTITIONS, stripes }
  const { make } = await import('../../src/parts.ts')
  return { ...registry, PARTITIONS, partitionOf: (env: never) => make(PARTITIONS, env) }
})

const { fedunify } = await import('../support/command-line.ts')

const { folder } = workshop({ train: 40, test: 8, classes: 2 })
const given = ['--dataset', 'idx', '--data', join(folder, 'idx'), '--model', 'mlp', '--rounds', '1']

it('is known to help, template, schema and completion from its registry', async () => {
  const help = (await fedunify(['run', '--help'])).out
  expect(help).toContain('--env <V|H|labels|dirichlet|stripes>')
  expect(help).toContain('--holdout <n>')
  expect(help).toMatch(/^ {2}stripes +images dealt out in stripes\n +this test\n +width: images in a row/m)
  const template = (await fedunify(['init', '-'])).out
  expect(template).toContain('env: { stripes: { width: 1, holdout: 3 } }')
  const { properties } = JSON.parse((await fedunify(['config', 'schema'])).out)
  expect(properties.env.anyOf[2].properties.stripes.properties.width).toMatchObject({ type: 'integer', default: 1 })
  expect(properties.holdout).toMatchObject({ type: 'integer', description: expect.stringContaining('env stripes') })
  expect((await fedunify(['__complete', '--', 'run', '--set', 'env.stripes.'])).out).toBe(
    'env.stripes.width=\timages in a row to one owner\nenv.stripes.holdout=\ttest images of each owner\n',
  )
})

it('is run with its options, wherever they are written', async () => {
  const out = temporaryFolder()
  const file = join(out, 'striped.yaml')
  writeFileSync(file, 'env:\n  stripes: { width: 2, holdout: 5 }\n')
  const { code, err } = await fedunify([
    'run',
    file,
    ...given,
    '--out',
    out,
    '--run-id',
    'a',
    '--holdout',
    '4',
    '--quiet',
  ])
  expect([code, err]).toEqual([0, ''])
  const { config, shards } = manifestOf(join(out, 'striped', 'a'))
  expect(config.env).toEqual({ stripes: { width: 2, holdout: 4 } })
  expect(shards.map(({ train, test }: { train: number; test: number }) => [train, test])).toEqual([
    [20, 4],
    [20, 4],
  ])
  expect(await fedunify(['check', join(out, 'striped'), '--expect', expectation(out)])).toMatchObject({ code: 0 })
})

function expectation(dir: string): string {
  const file = join(dir, 'expect.yaml')
  writeFileSync(file, '- { metric: participants, each-round: 2, when: { env: stripes:width=2, holdout: 4 } }\n')
  return file
}

it.each([
  [['--env', 'stripes'], 'env stripes needs holdout: test images of each owner', 'for example --holdout 3'],
  [['--env', 'stripes:holdout=0'], '--env: holdout: expected a number of at least 1, got 0', undefined],
  [['--holdout', '3'], 'holdout is an option of env stripes, but env is V', 'add --env stripes, or remove holdout'],
  [['--env', 'strips'], 'expected one of V, H, labels, dirichlet, stripes, got "strips"', 'did you mean stripes?'],
])('%j is refused in words of its own', async (flags, message, hint) => {
  const { code, err } = await fedunify(['run', ...given, ...flags])
  expect(code).toBe(2)
  expect(err).toContain(message)
  if (hint) expect(err).toContain(`hint: ${hint}`)
})
