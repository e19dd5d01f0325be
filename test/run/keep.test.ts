import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { runExperiment } from '../../src/index.ts'
import { assertRoom, keptBytes } from '../../src/run/disk-need.ts'
import { sha256 } from '../../src/system/digest.ts'
import { decodeSafetensors } from '../../src/weights/safetensors.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { eventsOf, manifestOf } from '../support/run-folder.ts'

vi.setConfig({ testTimeout: 120_000 })

const { experiment, folder } = workshop()
const base = { owners: 3, env: { dirichlet: { alpha: 5 } }, merge: ['avg', 'max'], rounds: 3 }
const at = (name: string, id = 'a') => join(folder, 'results', name, id)
const bytesOf = (dir: string, file: string) => readFileSync(join(dir, file))
const weightsOf = (dir: string, file: string) => decodeSafetensors(bytesOf(dir, file), file)

async function run(name: string, given: object, ...more: string[]): Promise<string> {
  const { code, err } = await fedunify([
    'run',
    experiment(name, { ...base, ...given }),
    '--run-id',
    'a',
    '--quiet',
    ...more,
  ])
  expect([code, err]).toEqual([0, ''])
  return at(name)
}

const kept = (dir: string): string[] =>
  existsSync(join(dir, 'owners'))
    ? readdirSync(join(dir, 'owners'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.safetensors'))
        .map((name) => name.replaceAll('\\', '/'))
        .sort()
    : []

const FILES = [1, 2, 3].flatMap((round) =>
  ['owner-1', 'owner-2', 'owner-3', 'received'].map((name) => `round-000${round}/${name}.safetensors`),
)

it('keeps what was merged, beside the numbers of a run that keeps nothing', async () => {
  const plain = await run('plain', {})
  const keeping = await run('keeping', { keep: 'owners' })

  for (const file of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']) {
    expect(bytesOf(keeping, file).equals(bytesOf(plain, file)), file).toBe(true)
  }
  expect(manifestOf(keeping).config_hash).toBe(manifestOf(plain).config_hash)
  expect(manifestOf(plain).config).not.toHaveProperty('keep')
  expect(kept(plain)).toEqual([])
  expect(kept(keeping)).toEqual(FILES)
  const fields = (dir: string) => eventsOf(dir).map((event) => Object.keys(event))
  expect(fields(keeping)).toEqual(fields(plain))

  const { files } = manifestOf(keeping)
  for (const name of FILES) {
    const bytes = bytesOf(keeping, `owners/${name}`)
    expect(files[`owners/${name}`], name).toEqual({ size: bytes.length, sha256: sha256(bytes) })
  }
  const { metadata } = weightsOf(keeping, 'owners/round-0002/owner-3.safetensors')
  expect(metadata).toEqual({ round: '2', owner: '3', train_images: String(manifestOf(keeping).shards[2].train) })

  // The mean of what the owners handed in is what they received in the next round, and at last the model of the run.
  for (const [round, next] of [
    [1, 'owners/round-0002/received.safetensors'],
    [2, 'owners/round-0003/received.safetensors'],
    [3, 'model.safetensors'],
  ] as const) {
    const owners = [1, 2, 3].map((owner) => weightsOf(keeping, `owners/round-000${round}/owner-${owner}.safetensors`))
    for (const [name, { data }] of weightsOf(keeping, next).weights) {
      const [a, b, c] = owners.map(({ weights }) => weights.get(name)!.data)
      const mean = Float32Array.from(data, (_, i) => (a![i]! + b![i]! + c![i]!) / 3)
      expect(data, `${next} ${name}`).toEqual(mean)
    }
  }
  expect((await fedunify(['verify', keeping])).code).toBe(0)
})

it('keeps every second round and the last, and no received model if each owner begins with its own weights', async () => {
  const dir = await run('seldom', { keep: 'owners', 'keep-every': 2 })
  expect(kept(dir)).toEqual(FILES.filter((name) => !name.startsWith('round-0001')))
  const apart = await run('apart', { keep: 'owners', init: 'independent', rounds: 1 })
  expect(kept(apart)).toEqual(FILES.slice(0, 3))
})

/** A run that was interrupted in its third round, when two of three owners had handed in. */
async function interrupted(name: string): Promise<string> {
  const { parse } = await import('yaml')
  const config = parse(readFileSync(experiment(name, { ...base, keep: 'owners', name }), 'utf8'))
  for await (const event of runExperiment(config, { folder: at(name) })) {
    if (event.type === 'owner-trained' && event.round === 3 && event.owner === 2) break
  }
  expect(kept(at(name))).toHaveLength(4 + 4 + 3)
  return at(name)
}

it('goes on after an interruption to the same bytes: what was kept of the round under way is made anew', async () => {
  const whole = await run('whole', { keep: 'owners' })
  const cut = await interrupted('cut')
  writeFileSync(join(cut, 'owners/round-0003/owner-1.safetensors'), 'torn')
  writeFileSync(join(cut, 'owners/round-0003/.owner-3.safetensors.0123456789ab.tmp'), 'a draft')
  expect((await fedunify(['verify', cut])).code).toBe(0)

  const { code, err } = await fedunify(['run', '--resume', cut, '--quiet'])
  expect([code, err]).toEqual([0, ''])
  for (const name of FILES) {
    expect(bytesOf(cut, `owners/${name}`).equals(bytesOf(whole, `owners/${name}`)), name).toBe(true)
  }
  expect(readdirSync(join(cut, 'owners/round-0003'))).toHaveLength(4)
  expect(manifestOf(cut).files).toMatchObject(
    Object.fromEntries(FILES.map((name) => [`owners/${name}`, manifestOf(whole).files[`owners/${name}`]])),
  )
})

it('does not go on over kept weights that were edited, nor through a link', async () => {
  const cut = await interrupted('edited')
  const file = join(cut, 'owners/round-0001/owner-2.safetensors')
  const before = readFileSync(file)
  writeFileSync(file, before.with(200, before[200]! ^ 1))
  const refused = await fedunify(['run', '--resume', cut, '--quiet'])
  expect(refused.code).toBe(3)
  expect(refused.err).toContain(`${file}: it was edited`)

  writeFileSync(file, before)
  const elsewhere = join(folder, 'elsewhere')
  mkdirSync(elsewhere)
  renameSync(join(cut, 'owners'), join(elsewhere, 'owners'))
  symlinkSync(join(elsewhere, 'owners'), join(cut, 'owners'))
  const linked = await fedunify(['run', '--resume', cut, '--quiet'])
  expect(linked.code).toBe(3)
  expect(linked.err).toContain('owners is a link: a run writes only to its own files')
  expect(readdirSync(join(elsewhere, 'owners'))).toHaveLength(3)
})

it('tells of kept weights that were edited or are not there; a published run may lack them', async () => {
  const dir = await run('published', { keep: 'owners' })
  const file = join(dir, 'owners/round-0002/received.safetensors')
  writeFileSync(file, 'other weights')
  const edited = await fedunify(['verify', dir])
  expect(edited.code).toBe(3)
  expect(edited.out).toContain(`${file}: it is shorter than the run left it`)
  // Figures do not come from them.
  expect((await fedunify(['show', dir])).code).toBe(0)
  renameSync(join(dir, 'owners'), join(folder, 'taken-out'))
  const lacking = await fedunify(['verify', dir])
  expect(lacking.code).toBe(0)
  expect(lacking.out).toContain('not there, and not needed: owners/ (12 files)')
})

it('may be told to keep weights when it goes on', async () => {
  const file = experiment('later', base)
  await fedunify(['run', file, '--run-id', 'a', '--quiet', '--stop-after', '2'])
  const { code, err } = await fedunify(['run', '--resume', at('later'), '--keep', 'owners', '--quiet'])
  expect([code, err]).toEqual([0, ''])
  expect(kept(at('later'))).toEqual(FILES.slice(8))
  expect(bytesOf(at('later'), 'config.yaml').toString()).toContain('keep: owners')
})

it('says before a run what it will write, and refuses a disk without room', async () => {
  // 4 filters of 3×3 and their biases: 40; a pool of 2 makes 6×6 of 12×12: 4·36 = 144 inputs of 4 units: 580; in all 620.
  // Of 3 owners and the received model, in rounds 2, 4 and 5: 3 · 4 · 620 · 4 bytes = 29,760.
  const file = experiment('room', { ...base, rounds: 5, keep: 'owners', 'keep-every': 2 })
  const { out } = await fedunify(['run', file, '--dry-run'])
  expect(out).toContain(
    'would keep the weights of 3 owners and the model that they received in 3 rounds: 30 kB on the disk',
  )

  const settled = { rounds: 5, owners: 3, keep: 'owners', 'keep-every': 2 } as never
  const model = { parameters: [{ name: 'w', shape: [620] }] } as never
  expect(keptBytes(settled, model, 0)).toBe(29_760)
  expect(keptBytes(settled, model, 2)).toBe(19_840)
  await assertRoom(folder, 29_760, async () => 29_760)
  await assertRoom(join(folder, 'not', 'there'), 1)
  await expect(assertRoom(folder, 29_760, async () => 29_759)).rejects.toMatchObject({
    code: 'E_DISK_FULL',
    message: `keep: the owners' weights would take 30 kB, but ${folder} has room for 30 kB`,
  })
  await expect(assertRoom(folder, 1e18)).rejects.toMatchObject({ code: 'E_DISK_FULL' })
})

it('keep-every belongs to keep', async () => {
  const { code, err } = await fedunify(['run', experiment('alone', { ...base, 'keep-every': 2 })])
  expect(code).toBe(2)
  expect(err).toContain('keep-every is given without keep')
})
