import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { mayLack } from '../../src/runs/run-files.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { makePipe, temporaryFolder } from '../support/folder.ts'
import { manifestOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const whole = join(folder, 'results', 'mutated', 'a')
const EXPECT = [
  { metric: 'unified', min: 0.01 },
  { metric: 'local', min: 0.01 },
  { metric: 'participants', 'each-round': 2 },
]

beforeAll(async () => {
  const file = experiment('mutated', { rounds: 2, baseline: 'pooled', expect: EXPECT })
  const { code, err } = await fedunify(['run', file, '--run-id', 'a', '--quiet', '--no-report'])
  expect([code, err]).toEqual([0, ''])
})

/** Park and Miller 1988: another stream for each seed, the same on each machine. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

type Mutation = readonly [name: string, mutate: (run: string) => void]

/** Changes of the bytes of a file, each at random. */
function byteMutations(file: string, seed: number): Mutation[] {
  const random = numbers(seed)
  const changed = (change: (bytes: Buffer) => Buffer) => (run: string) => {
    const path = join(run, file)
    const before = readFileSync(path)
    let after = change(Buffer.from(before))
    // Another draw of the same kind: one that changes nothing is none.
    for (let tries = 0; after.equals(before) && tries < 100; tries++) after = change(Buffer.from(before))
    if (after.equals(before)) throw new Error(`${file} was not changed`)
    writeFileSync(path, after)
  }
  const replaced = (bytes: Buffer, replace: (byte: number) => number) => {
    const at = random(bytes.length)
    bytes.writeUInt8(replace(bytes[at]!), at)
    return bytes
  }
  const kinds: [string, number, (bytes: Buffer) => Buffer][] = [
    ['a bit flipped', 14, (b) => replaced(b, (byte) => byte ^ (1 << random(8)))],
    ['a byte replaced', 8, (b) => replaced(b, () => random(256))],
    ['bytes removed', 6, (b) => splice(b, random(b.length), 1 + random(20))],
    ['a byte inserted', 5, (b) => splice(b, random(b.length), 0, [48 + random(10)])],
    ['cut short', 4, (b) => b.subarray(0, random(b.length))],
    ['bytes at the end', 2, (b) => Buffer.concat([b, Buffer.from(['\n', '9\n'][random(2)]!)])],
    ['emptied', 1, () => Buffer.alloc(0)],
    ['zeros', 1, (b) => b.fill(0)],
  ]
  return kinds.flatMap(([name, times, change]) =>
    Array.from({ length: times }, (_, i): Mutation => [`${file}: ${name} (${i + 1})`, changed(change)]),
  )
}

function splice(bytes: Buffer, at: number, remove: number, insert: readonly number[] = []): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(insert), bytes.subarray(at + remove)])
}

/** What may be in the place of a file. */
function placeMutations(file: string): Mutation[] {
  const other = file === 'local.csv' ? 'unified.csv' : 'local.csv'
  const inPlace = (put: (path: string) => unknown) => (run: string) => {
    rmSync(join(run, file))
    put(join(run, file))
  }
  return [
    [`${file}: a folder`, inPlace((path) => mkdirSync(path))],
    [`${file}: a pipe`, inPlace(makePipe)],
    [`${file}: another file`, (run) => cpSync(join(run, other), join(run, file))],
    [`${file}: a link to another file`, inPlace((path) => symlinkSync(other, path))],
    ...(mayLack(file) ? [] : [[`${file}: nothing`, inPlace(() => {})] as const]),
  ]
}

/** Each value of the manifest, changed or taken away. */
function manifestMutations(manifest: object): Mutation[] {
  const paths: string[][] = []
  const walk = (value: unknown, path: string[]) => {
    if (path.length > 0) paths.push(path)
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key])
    }
  }
  walk(manifest, [])
  const at = (run: string, path: readonly string[], change: (within: Record<string, unknown>, key: string) => void) => {
    const text = readFileSync(join(run, 'manifest.json'), 'utf8')
    const copy = JSON.parse(text)
    change(
      path.slice(0, -1).reduce((within, key) => within[key], copy),
      path.at(-1)!,
    )
    writeFileSync(join(run, 'manifest.json'), JSON.stringify(copy, null, 2))
  }
  return paths.flatMap((path): Mutation[] => [
    [
      `manifest.json: ${path.join('.')} is another`,
      (run) =>
        at(run, path, (within, key) => {
          within[key] = otherThan(within[key])
        }),
    ],
    [`manifest.json: no ${path.join('.')}`, (run) => at(run, path, (within, key) => delete within[key])],
  ])
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'number') return value === 0 ? 1 : value * 0.5
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string') return `${value}0`
  return Array.isArray(value) ? [...value, 0] : { ...(value as object), x: 1 }
}

async function outcomeOf([name, mutate]: Mutation): Promise<string> {
  const run = join(temporaryFolder(), 'a')
  cpSync(whole, run, { recursive: true })
  mutate(run)
  const { code } = await fedunify(['check', run])
  rmSync(dirname(run), { recursive: true })
  return `${code} ${name}`
}

describe('no mutation of a run folder passes the gate', () => {
  it('though the run itself does', async () => {
    expect(await fedunify(['check', whole])).toMatchObject({ code: 0 })
    expect(await fedunify(['verify', whole])).toMatchObject({ code: 0, err: '' })
  })

  it('of 800, in the bytes, the place and the values of each file', { timeout: 180_000 }, async () => {
    const files = readdirSync(whole)
    expect(files.toSorted()).toEqual(Object.keys(manifestOf(whole).files).concat('manifest.json').sort())
    const mutations = [
      ...files.flatMap((file, i) => [...byteMutations(file, 1000 + i), ...placeMutations(file)]),
      ...manifestMutations(manifestOf(whole)),
    ]
    expect(mutations.length).toBeGreaterThan(800)
    const passed: string[] = []
    for (const mutation of mutations) {
      const outcome = await outcomeOf(mutation)
      if (!outcome.startsWith('3 ')) passed.push(outcome)
    }
    expect(passed).toEqual([])
  })
})
