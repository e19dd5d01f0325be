import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()

async function run(name: string, given: object) {
  const file = experiment(name, { env: 'H', rounds: 2, ...given })
  const { code, err } = await fedunify(['run', file, '--run-id', 'a', '--quiet'])
  expect([code, err]).toEqual([0, ''])
  return join(folder, 'results', name, 'a')
}

it('measures on images of the training shards, and says so wherever a figure is shown', {
  timeout: 120_000,
}, async () => {
  const [plain, held] = [await run('tested', {}), await run('held', { validation: 0.25 })]
  const sizes = (dir: string) => manifestOf(dir).shards.map(({ train, test }: Record<string, number>) => [train, test])
  const expected = sizes(plain).map(([train]: number[]) => [train! - Math.round(train! / 4), Math.round(train! / 4)])
  expect(sizes(held)).toEqual(expected)

  const images = rowsOf(held, 'local.csv').map(({ train_images, owner }) => [Number(owner), Number(train_images)])
  expect(images.slice(0, 2)).toEqual(expected.map(([train]: number[], i: number) => [i + 1, train]))

  const shown = await fedunify(['show', held])
  expect(shown.out).toMatch(/unified accuracy [\d.]+ % \(avg, round 2\), on the validation images\n/)
  expect((await fedunify(['show', plain])).out).not.toContain('validation')

  const compared = await fedunify(['compare', plain, held])
  expect(`${compared.out}${compared.err}`).toContain(
    'B does not compare with A: tested on validation images, 0.25 of those to train on (A: test images)',
  )
  const paper = await fedunify(['compare', held, 'paper'])
  expect(`${paper.out}${paper.err}`).toContain('tested on validation images, held out of the training images')
})

it.each([
  [0, 'validation'],
  [1, 'validation'],
  [-0.1, 'validation'],
])('refuses a share of %s', async (validation, key) => {
  const { code, err } = await fedunify(['run', experiment('bad', { env: 'H', validation }), '--dry-run'])
  expect(code).toBe(2)
  expect(err).toContain(key)
})
