import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Shard } from '../../src/data/dataset.ts'
import {
  drawSubset,
  labelHistogram,
  type PartitionRequest,
  partitionDataset,
  shardHash,
} from '../../src/data/partition/partition.ts'
import { PARTITIONS, type PartitionChoice, partitionOf } from '../../src/data/partition/registry.ts'
import { range } from '../../src/random.ts'

/** Labels 0, 1, …, in turn. */
function datasetOf(count: number, classes = 10) {
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  labels.set(Array.from({ length: count }, (_, i) => i % classes))
  return { labels, count, classes }
}

const full = datasetOf(70_000)
const sizes = (shards: Shard[]) => shards.map(({ train, test }) => [train.length, test.length])
const sorted = (shards: Shard[]) => shards.flatMap(({ train, test }) => [...train, ...test]).sort((a, b) => a - b)
const count = (shards: Shard[]) => shards.reduce((sum, { train, test }) => sum + train.length + test.length, 0)

/** All steps at once. */
function drained<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

describe('all 70,000 images', () => {
  it('V gives two owners 30,000 + 5,000, of every label', async () => {
    const shards = await partitionDataset(full, { env: 'V', seed: 1, owners: 2 })
    expect(shards.map(({ owner }) => owner)).toEqual([1, 2])
    expect(sizes(shards)).toEqual([
      [30_000, 5_000],
      [30_000, 5_000],
    ])
    for (const { train } of shards) {
      for (const images of labelHistogram(full, train)) expect(Math.abs(images - 3000)).toBeLessThan(300)
    }
  })

  it('V cuts 60,000 + 10,000 over three owners as equally as they go', async () => {
    const shards = await partitionDataset(full, { env: 'V', seed: 1, owners: 3 })
    expect(sizes(shards)).toEqual([
      [20_000, 3333],
      [20_000, 3333],
      [20_000, 3334],
    ])
  })

  it('H gives each owner 30,000 + 5,000 of its own five labels', async () => {
    const shards = await partitionDataset(full, { env: 'H', seed: 1, owners: 2 })
    expect(sizes(shards)).toEqual([
      [30_000, 5_000],
      [30_000, 5_000],
    ])
    const [one, two] = shards.map(({ train }) => labelHistogram(full, train))
    expect(one!.slice(5)).toEqual([0, 0, 0, 0, 0])
    expect(two!.slice(0, 5)).toEqual([0, 0, 0, 0, 0])
    expect(one!.slice(0, 5).every((images) => images > 5800)).toBe(true)
  })

  it('labels with the lists of H is H', async () => {
    const lists = [
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
    ]
    const shards = await partitionDataset(full, { env: { labels: { lists } }, seed: 7, owners: 2 })
    expect(shards).toEqual(await partitionDataset(full, { env: 'H', seed: 7, owners: 2 }))
  })

  it('dirichlet gives unlike owners for a small alpha, like ones for a large', async () => {
    const share = async (alpha: number) => {
      const shards = await partitionDataset(full, { env: { dirichlet: { alpha } }, seed: 3, owners: 2 })
      return labelHistogram(full, shards[0]!.train).map((images) => images / 6000)
    }
    expect((await share(0.01)).every((part) => part < 0.05 || part > 0.95)).toBe(true)
    expect((await share(10_000)).every((part) => part > 0.45 && part < 0.55)).toBe(true)
  })
})

describe('every partition', () => {
  /** Each label goes to one of the owners, in turn. */
  const lists = (owners: number) =>
    Array.from({ length: owners }, (_, i) => [...Array(10).keys()].filter((label) => label % owners === i))
  const choices = (owners: number): PartitionChoice[] => [
    'V',
    'H',
    { labels: { lists: lists(owners) } },
    { dirichlet: { alpha: 0.5 } },
  ]
  const request = fc
    .record({ env: fc.nat(3), seed: fc.integer(), owners: fc.integer({ min: 2, max: 9 }) })
    .map(({ env, seed, owners: count }): PartitionRequest => {
      const chosen = choices(count)[env]!
      return { env: chosen, seed, owners: chosen === 'H' ? 2 : count }
    })

  it('puts each image into exactly one shard, and leaves no shard without train or test images', async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.integer({ min: 150, max: 700 }), async (request, images) => {
        const shards = await partitionDataset(datasetOf(images), request)
        expect(shards.map(({ owner }) => owner)).toEqual(Array.from({ length: request.owners }, (_, i) => i + 1))
        expect(sorted(shards)).toEqual(Array.from({ length: images }, (_, i) => i))
        for (const { train, test } of shards) expect(Math.min(train.length, test.length)).toBeGreaterThan(0)
      }),
    )
  })

  it('splits exactly the subset', async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.integer({ min: 150, max: 400 }), async (request, images) => {
        const shards = await partitionDataset(datasetOf(400), { ...request, images })
        expect(sorted(shards)).toEqual([...drawSubset(400, images, request.seed)])
      }),
    )
  })

  it('depends on the seed, and on nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (request) => {
        const hashes = async (seed: number) =>
          (await partitionDataset(datasetOf(300), { ...request, seed })).map(shardHash)
        expect(await hashes(request.seed)).toEqual(await hashes(request.seed))
        expect(await hashes(request.seed)).not.toEqual(await hashes(request.seed ^ 1))
      }),
    )
  })

  it('V shares differ by one at most, and a seventh is for testing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 150, max: 900 }), async (owners, images) => {
        const shards = await partitionDataset(datasetOf(images), { env: 'V', seed: 1, owners })
        for (const kind of ['train', 'test'] as const) {
          const lengths = shards.map((shard) => shard[kind].length)
          expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1)
        }
        expect(shards.reduce((sum, { test }) => sum + test.length, 0)).toBe(Math.round(images / 7))
      }),
    )
  })

  it('is described for --help', () => {
    for (const [name, partition] of Object.entries(PARTITIONS)) {
      expect(partition.summary, name).not.toContain('\n')
      expect(partition.source).not.toBe('')
    }
  })
})

describe('dirichlet', () => {
  it('survives any positive alpha', async () => {
    const dataset = datasetOf(2000, 40)
    const alpha = fc.constantFrom(5e-324, 1e-300, 1e-9, 0.001, 1, 1e6, 1e308)
    await fc.assert(
      fc.asyncProperty(alpha, fc.integer(), async (alpha, seed) => {
        expect(count(await partitionDataset(dataset, { env: { dirichlet: { alpha } }, seed, owners: 3 }))).toBe(2000)
      }),
    )
  })

  it('gives up within seconds where there are many owners', async () => {
    const request = { env: { dirichlet: { alpha: 0.5 } }, seed: 1, owners: 30_000 }
    await expect(partitionDataset(datasetOf(70_000), request)).rejects.toThrow(
      /in each of 33 draws with alpha 0\.5, some of the 30000 owners had fewer than 2 of 70000 images$/,
    )
  })

  it('is given up between two draws', async () => {
    const request = { env: { dirichlet: { alpha: 0.0001 } }, seed: 1, owners: 1000 } as const
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 20)
    await expect(partitionDataset(datasetOf(70_000), request, controller.signal)).rejects.toThrow('enough')
  })

  it.each([{ dirichlet: { alpha: 0.1 } }, 'V'] as const)('is the same in steps: %j', async (env) => {
    const request = { env, seed: 1, owners: 10 }
    const { labels, classes } = datasetOf(300)
    const split = { seed: 1, owners: 10, classes, indices: range(300) }
    const partition = partitionOf(env)
    const whole = partition.split ? partition.split(labels, split) : drained(partition.steps(labels, split))
    expect(await partitionDataset(datasetOf(300), request)).toEqual(whole)
  })

  it('deals out to as many owners as there may be', async () => {
    const count = 1_200_000
    const dataset = { labels: new Uint8Array(new SharedArrayBuffer(count)), count, classes: 1 }
    for (const env of ['V', { dirichlet: { alpha: 1e6 } }] as const) {
      expect((await partitionDataset(dataset, { env, seed: 1, owners: 150_000 })).length).toBe(150_000)
    }
  })

  it('gives up after a bounded number of draws', async () => {
    const request = { env: { dirichlet: { alpha: 1e-6 } }, seed: 1, owners: 8 }
    await expect(partitionDataset(datasetOf(100, 2), request)).rejects.toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.stringContaining('larger alpha') }),
    )
  })
})

describe('what does not fit', () => {
  const small = datasetOf(20)
  const lists = (...labels: number[][]) => ({ env: { labels: { lists: labels } }, owners: labels.length })

  it.each<[Partial<PartitionRequest>, string]>([
    [{ owners: 4 }, 'partition V: 4 owners are too many for 20 images: 17 to train and 3 to test'],
    [
      { env: { dirichlet: { alpha: 1 } }, owners: 11 },
      'partition dirichlet: 11 owners are too many for 20 images: fewer than 2 each',
    ],
    [{ env: 'H', images: 1 }, 'partition H: owner 1 (labels 0, 1, 2, 3, 4) has 1 of 1 images, needs at least 2'],
    [{ images: 21 }, 'images is 21, but the dataset has 20'],
    [lists([0, 1, 2], [3, 2]), 'partition labels: label 2 is listed for owner 1 and for owner 2'],
    [lists([0, 1, 1], [2]), 'partition labels: label 1 is listed twice for owner 1'],
    [lists([0, 1, 2, 3, 4, 5, 6, 7, 8], []), 'partition labels: the list of owner 2 is empty'],
    [lists([0, 10], [1]), 'partition labels: label 10 of owner 1 is out of range'],
    [lists([0, -1], [1]), 'partition labels: label -1 of owner 1 is out of range'],
    [lists([0, 1, 2, 3], [4, 5, 6, 7, 8]), 'label 9 is in the data, but in none of the lists of owners 1 to 2'],
    [lists([0, 1, 2, 3], [4, 5, 6]), 'labels 7, 8, 9 are in the data, but in none of the lists of owners 1 to 2'],
  ])('%j: %s', async (request, message) => {
    const run = () => partitionDataset(small, { env: 'V', seed: 1, owners: 2, ...request })
    await expect(run).rejects.toThrow(expect.objectContaining({ kind: 'usage' }))
    await expect(run).rejects.toThrow(message)
  })
})

describe('shardHash', () => {
  it('tells order, and train from test', () => {
    const shard = (train: number[], test: number[]) =>
      shardHash({ owner: 1, train: Uint32Array.from(train), test: Uint32Array.from(test) })
    expect(shard([1, 2], [3])).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set([shard([1, 2], [3]), shard([2, 1], [3]), shard([1], [2, 3])]).size).toBe(3)
  })

  it('stays what it is for a given seed: runs on record depend on it', async () => {
    const lists = [
      [0, 1, 2],
      [3, 4, 5, 6, 7, 8, 9],
    ]
    const choices: PartitionChoice[] = ['V', 'H', { labels: { lists } }, { dirichlet: { alpha: 0.5 } }]
    const shards = await Promise.all(
      choices.map((env) => partitionDataset(datasetOf(300), { env, seed: 1, owners: 2 })),
    )
    const hashes = shards.flat().map(shardHash)
    expect(hashes.map((hash) => hash.slice(0, 12))).toMatchInlineSnapshot(`
      [
        "f79c94907500",
        "209f0ed724ae",
        "74bb76a19c1e",
        "1175e7053927",
        "3313390b4068",
        "6feec86c5f86",
        "c858276a0686",
        "9fa8219ba94d",
      ]
    `)
  })
})
