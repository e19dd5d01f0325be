import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { decodeSafetensors } from '../../src/weights/safetensors.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, readText } from '../support/run-folder.ts'

vi.setConfig({ testTimeout: 120_000 })

const { experiment, folder } = workshop()
const base = { owners: 4, rounds: 2, keep: 'owners' }

async function run(name: string, given: object) {
  const file = experiment(name, { ...base, ...given })
  const { code, err } = await fedunify(['run', file, '--run-id', 'a', '--quiet'])
  expect([code, err]).toEqual([0, ''])
  return join(folder, 'results', name, 'a')
}

function keptOf(dir: string, name: string) {
  const file = join(dir, 'owners', 'round-0001', `${name}.safetensors`)
  return decodeSafetensors(readFileSync(file), file).weights
}

it('makes the last owners hand in what the attack says, and no other', async () => {
  const honest = await run('honest', {})
  const hostile = await run('hostile', { attack: { 'sign-flip': { owners: 2, scale: 3 } } })
  for (const owner of [1, 2]) expect(keptOf(hostile, `owner-${owner}`)).toEqual(keptOf(honest, `owner-${owner}`))
  for (const owner of [3, 4]) {
    const [received, trained] = [keptOf(honest, 'received'), keptOf(honest, `owner-${owner}`)]
    for (const [name, { data }] of keptOf(hostile, `owner-${owner}`)) {
      const from = received.get(name)!.data
      const expected = trained.get(name)!.data.map((value, i) => from[i]! - 3 * (value - from[i]!))
      expect(data, `owner ${owner}, ${name}`).toEqual(expected)
    }
  }
  // What an owner says of its own training is what it was.
  const local = (dir: string) => readText(dir, 'local.csv').split('\n').slice(0, 5)
  expect(
    local(hostile)
      .slice(1)
      .map((row) => row.split(',')[2]),
  ).toEqual(
    local(honest)
      .slice(1)
      .map((row) => row.split(',')[2]),
  )
  expect(manifestOf(hostile).config.attack).toEqual({ 'sign-flip': { owners: 2, scale: 3 } })
  expect(manifestOf(honest).config).not.toHaveProperty('attack')
})

it.each(['sign-flip', 'noise', 'label-flip'])('%s: the same bits with another number of workers', async (attack) => {
  const [one, three] = [
    await run(`${attack}-one`, { attack, workers: 1 }),
    await run(`${attack}-three`, { attack, workers: 3 }),
  ]
  expect(readFileSync(join(one, 'model.safetensors'))).toEqual(readFileSync(join(three, 'model.safetensors')))
})

it('an attack of none is no attack', async () => {
  const [without, none] = [await run('without', {}), await run('none', { attack: 'none' })]
  expect(manifestOf(none).config_hash).toBe(manifestOf(without).config_hash)
})

it('leaves an honest owner', async () => {
  const file = experiment('all', { owners: 3, attack: { noise: { owners: 3 } } })
  const { code, err } = await fedunify(['run', file])
  expect(code).toBe(2)
  expect(err).toContain('attack noise: 3 of 3 owners are hostile, which leaves no honest one\nhint: use fewer')
  expect(existsSync(join(folder, 'results', 'all'))).toBe(false)
})

it('is told before the run', async () => {
  const { out } = await fedunify(['run', experiment('told', { owners: 3, attack: 'label-flip' }), '--dry-run'])
  expect(out).toContain('\nattack label-flip:owners=1\n')
})
