import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type MergeChoice, withOwnRule } from '../../src/algorithm/merge/own-rule.ts'
import type { MergeRule } from '../../src/algorithm/merge/rule.ts'
import { type MergeRequest, mergeFiles } from '../../src/offline/merge-files.ts'
import { closeModels, openModel } from '../../src/offline/model/model.ts'
import { reachOf } from '../../src/offline/pieces.ts'
import { assertRoom } from '../../src/offline/room.ts'
import type { StreamOptions } from '../../src/offline/stream.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type FileTensor, f32, half, i64, readModelFile, writeModel } from '../support/model-file.ts'

type Tensors = Readonly<Record<string, FileTensor>>

/** A folder with a model for each record of tensors: 1.safetensors, 2.safetensors, … */
function models(...all: Tensors[]) {
  const folder = temporaryFolder()
  const paths = all.map((tensors, i) => writeModel(join(folder, `${i + 1}.safetensors`), tensors))
  return { folder, paths, out: join(folder, 'out.safetensors'), before: readdirSync(folder) }
}

function merge(
  paths: readonly string[],
  out: string,
  more: Partial<MergeRequest> = {},
  { signal = new AbortController().signal, progress = () => {} }: Partial<StreamOptions> = {},
) {
  const usual = { base: undefined, rule: 'avg', dtype: undefined, shard: undefined, force: false } as const
  return mergeFiles({ models: paths, weights: paths.map(() => 1), out, ...usual, ...more }, { signal, progress })
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const card = (out: string) => JSON.parse(readFileSync(`${out}.card.json`, 'utf8'))

describe('a merge of files', () => {
  it('has the values, shapes and order of the models', async () => {
    const shaped = (tensor: FileTensor, ...shape: number[]) => ({ ...tensor, shape })
    const { paths, out } = models(
      { b: shaped(f32(1, 2, 3, 4), 2, 2), a: shaped(f32(-1), 1, 1), none: f32(), scalar: shaped(f32(7)) },
      { b: shaped(f32(3, 4, 5, 8), 2, 2), a: shaped(f32(4), 1, 1), none: f32(), scalar: shaped(f32(8)) },
    )
    await merge(paths, out)
    const { tensors } = readModelFile(out)
    expect(tensors).toEqual({
      b: { dtype: 'F32', shape: [2, 2], values: [2, 3, 4, 6] },
      a: { dtype: 'F32', shape: [1, 1], values: [1.5] },
      none: { dtype: 'F32', shape: [0], values: [] },
      scalar: { dtype: 'F32', shape: [], values: [7.5] },
    })
    expect(Object.keys(tensors)).toEqual(['b', 'a', 'none', 'scalar'])
  })

  it('counts models by their weights, as a run counts owners by their images', async () => {
    const { paths, out } = models({ w: f32(1, 2) }, { w: f32(29, 23) })
    await merge(paths, out, { rule: 'weighted-avg', weights: [1, 2] })
    expect(readModelFile(out).tensors.w!.values).toEqual([Math.fround(59 / 3), 16])
    expect(card(out).models.map(({ weight }: { weight: number }) => weight)).toEqual([1, 2])
  })

  it('takes every rule of the registry, of three models', async () => {
    const { paths, out } = models({ w: f32(1, -9, 0.5) }, { w: f32(3, 2, 0.5) }, { w: f32(2, 4, -7) })
    const results = { avg: [2, -1, -2], max: [3, 4, 0.5], absmax: [3, -9, -7], median: [2, 2, 0.5] }
    for (const [rule, values] of Object.entries(results)) {
      await merge(paths, out, { rule: rule as 'avg', force: true })
      expect(readModelFile(out).tensors.w!.values, rule).toEqual(values)
    }
  })

  it('rounds half types to the nearest, and of two to the even one', async () => {
    const pair = (dtype: 'F16' | 'BF16', a: number, b: number) =>
      [{ w: half(dtype, a) }, { w: half(dtype, b) }] as const
    for (const [dtype, a, b, merged] of [
      // 1 and the next value: the middle lies between them.
      ['F16', 0x3c00, 0x3c01, 0x3c00],
      ['F16', 0x3c01, 0x3c02, 0x3c02],
      ['F16', 0x0001, 0x0002, 0x0002],
      ['BF16', 0x3f80, 0x3f81, 0x3f80],
      ['BF16', 0x3f81, 0x3f82, 0x3f82],
    ] as const) {
      const { paths, out } = models(...pair(dtype, a, b))
      await merge(paths, out)
      expect(readModelFile(out).tensors.w).toEqual({ dtype, shape: [1], values: [merged] })
    }
  })

  it('writes another type if one is asked for', async () => {
    const { paths, out } = models({ w: half('F16', 0x3c00), n: i64(5n) }, { w: half('F16', 0x3c01), n: i64(5n) })
    await merge(paths, out, { dtype: 'float32' })
    expect(readModelFile(out).tensors).toEqual({
      w: { dtype: 'F32', shape: [1], values: [1 + 2 ** -11] },
      n: { dtype: 'I64', shape: [1], values: [5n] },
    })
    await merge(paths, out, { dtype: 'bfloat16', force: true })
    expect(readModelFile(out).tensors.w).toEqual({ dtype: 'BF16', shape: [1], values: [0x3f80] })
  })

  it('goes over tensors that are larger than what is read at a time', async () => {
    const length = 2_500_001
    const tensor = (scale: number): FileTensor => {
      const values = Float32Array.from({ length }, (_, i) => (scale * (i % 1000)) / 8)
      return { dtype: 'F32', shape: [length], data: new Uint8Array(values.buffer) }
    }
    const { paths, out } = models({ w: tensor(1), v: f32(1) }, { w: tensor(3), v: f32(2) }, { w: tensor(2), v: f32(3) })
    // The first is merged block by block, the second tensor by tensor.
    for (const rule of ['avg', 'median'] as const) {
      await merge(paths, out, { force: true, rule })
      const { w, v } = readModelFile(out).tensors
      expect(w!.values).toHaveLength(length)
      expect(w!.values.findIndex((value, i) => value !== (2 * (i % 1000)) / 8)).toBe(-1)
      expect(v!.values).toEqual([2])
      expect(card(out).models[0].files[0].sha256).toBe(sha256(paths[0]!))
    }
  })
})

/** A rule of the user's own, as a command line makes it. */
function own(rule: Partial<MergeRule> & Pick<MergeRule, 'make'>) {
  const whole = { summary: 's', source: 's', when: 'w', needs: 'each', options: z.strictObject({}), ...rule } as const
  return withOwnRule('own', {
    name: 'own',
    file: 'own.mjs',
    sha256: 'f00d',
    loaded: { rule: whole, content: new Uint8Array() },
  })
}

describe('a rule of the user’s own', () => {
  const towards = own({
    make:
      () =>
      (values, _owners, out, { base }) => {
        if (!base) throw new Error('there is no base')
        for (let i = 0; i < out.length; i++) out[i] = values.reduce((sum, w) => sum + w[i]! - base[i]!, base[i]!)
      },
  })

  it('is given the base, and is named in the card', async () => {
    const { paths, out } = models({ a: f32(1, 2) }, { a: f32(5, 6) }, { a: f32(1, 1) })
    await merge(paths.slice(0, 2), out, { rule: towards, base: paths[2]! })
    expect(readModelFile(out).tensors.a!.values).toEqual([5, 7])
    expect(card(out).rule).toEqual({ name: 'own', options: {}, file: 'own.mjs', sha256: 'f00d' })
    expect(card(out).base.files[0].sha256).toBe(sha256(paths[2]!))
    expect(JSON.parse(readModelFile(out).metadata.base!)).toEqual(card(out).base)
    // One model and its base are two.
    await merge(paths.slice(1, 2), out, { rule: towards, base: paths[2]!, force: true })
    expect(readModelFile(out).tensors.a!.values).toEqual([5, 6])
  })

  it('that fails leaves nothing', async () => {
    const { folder, paths, out, before } = models({ a: f32(1) }, { a: f32(2) })
    await expect(merge(paths, out, { rule: towards })).rejects.toThrow('tensor a: the rule threw there is no base')
    expect(readdirSync(folder)).toEqual(before)
  })
})

describe('a rule that looks at whole models', () => {
  it('has all tensors at once, so that ties keeps the largest changes of the whole model', async () => {
    const { paths, out } = models(
      { v: f32(1, -2), n: i64(3n), w: f32(0.1, 0) },
      { v: f32(-0.5, -1), n: i64(3n), w: f32(0.3, 0.4) },
      { v: f32(0, 0), n: i64(9n), w: f32(0, 0) },
    )
    const [a, b, base] = paths as [string, string, string]
    await merge([a, b], out, { rule: { ties: { density: 0.5, lambda: 1, weights: 'equal' } } as MergeChoice, base })
    const { tensors } = readModelFile(out)
    expect([tensors.v!.values, tensors.w!.values, tensors.n!.values]).toEqual([[1, -1.5], [0, 0], [3n]])
  })

  it('may choose one: krum that of the least sum of squared distances to its neighbours', async () => {
    const { paths, out } = models(...[0, 1, 2, 4, 100].map((value) => ({ v: half('F16', 0x3c00), w: f32(value) })))
    await merge(paths, out, { rule: { krum: { f: 1 } } })
    expect(readModelFile(out).tensors).toMatchObject({ w: { values: [1] }, v: { dtype: 'F16', values: [0x3c00] } })
    await expect(merge(paths.slice(0, 4), out, { rule: { krum: { f: 1 } } })).rejects.toThrow(
      'it needs 5 owners or more',
    )
  })

  it('is told from one that takes tensors, or blocks of them', () => {
    expect(['avg', 'max', 'median', 'slerp', 'geometric-median'].map((rule) => reachOf(rule as 'avg'))).toEqual([
      ...['block', 'block', 'tensor', 'model', 'model'],
    ])
  })

  it('is refused by its name if the models do not fit into memory', async () => {
    const { paths } = models({ a: f32(1, 2), b: half('F16', 0) })
    const model = await openModel(paths[0]!)
    const job = { models: [model, model], weights: [1, 1], base: undefined, rule: 'median', dtype: undefined } as const
    // Two models of 8 and 2 + 4 bytes, and 8 and 4 of what comes of them.
    expect(() => assertRoom(job, 40 / 0.8)).not.toThrow()
    expect(() => assertRoom(job, 39 / 0.8)).toThrow('merge median needs all tensors at once, so it cannot be streamed')
    await closeModels([model])
  })
})

describe('the card', () => {
  it('names every file by its hash, rule, options and version, and the model says so too', async () => {
    const { paths, out, folder } = models(
      { a: f32(1), b: i64(1n) },
      { a: f32(2), b: i64(1n) },
      { a: f32(4), b: i64(1n) },
    )
    const rule = { 'trimmed-mean': { beta: 0.34 } }
    writeModel(paths[0]!, { a: f32(1), b: i64(1n) }, { format: 'pt', step: '1' })
    writeModel(paths[1]!, { a: f32(2), b: i64(1n) }, { format: 'pt', step: '2' })
    writeModel(paths[2]!, { a: f32(4), b: i64(1n) }, { format: 'pt' })
    await expect(merge(paths, out, { rule })).rejects.toThrow('leaves 1 of 3 owners, which is the rule median')
    await merge(paths, out, { rule: 'median' })
    const made = card(out)
    expect(made).toMatchObject({
      format: 1,
      file: 'out.safetensors',
      tensors: 2,
      values: 2,
      rule: { name: 'median', options: {} },
      dtype: null,
      base: null,
      copied: ['b'],
    })
    expect(made.bytes).toBe(readFileSync(out).length)
    expect(made.models).toEqual(
      paths.map((path, i) => {
        const file = `${i + 1}.safetensors`
        return { model: file, files: [{ file, bytes: readFileSync(path).length, sha256: sha256(path) }] }
      }),
    )
    const { metadata } = readModelFile(out)
    expect(Object.keys(metadata)).toEqual(['format', 'fedunify', 'merge', 'models'])
    expect(metadata.format).toBe('pt')
    expect(metadata.merge).toBe('median')
    expect(JSON.parse(metadata.models!)).toEqual(made.models)
    expect(readdirSync(folder)).toHaveLength(5)
  })

  it('has the right hashes if the tensors of a file have another order', async () => {
    const { paths, out } = models({ a: f32(1), b: f32(2), c: f32(3) }, { c: f32(5), a: f32(3), b: f32(4) })
    await merge(paths, out)
    expect(readModelFile(out).tensors.c!.values).toEqual([4])
    const hashes = card(out).models.map(({ files }: { files: { sha256: string }[] }) => files[0]!.sha256)
    expect(hashes).toEqual(paths.map(sha256))
  })
})

describe('models in several files', () => {
  const index = (files: Readonly<Record<string, string>>, more: object = {}) =>
    JSON.stringify({ metadata: { total_size: 8 }, weight_map: files, ...more })

  it('are read by their index or their folder, and written if a size is given', async () => {
    const { folder, paths } = models({ a: f32(1, 2), b: f32(3), c: f32(4) })
    const sharded = join(folder, 'sharded')
    mkdirSync(sharded)
    writeModel(join(sharded, 'x-1.safetensors'), { c: f32(8) })
    writeModel(join(sharded, 'x-2.safetensors'), { a: f32(3, 4), b: f32(5) })
    const file = join(sharded, 'model.safetensors.index.json')
    writeFileSync(file, index({ a: 'x-2.safetensors', b: 'x-2.safetensors', c: 'x-1.safetensors' }))
    const out = join(folder, 'out')
    for (const named of [sharded, file]) {
      await merge([paths[0]!, named], out, { shard: 8, force: true })
      expect(readdirSync(out)).toEqual([
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
        'model.safetensors.index.json',
      ])
      expect(readModelFile(join(out, 'model-00001-of-00002.safetensors')).tensors.a!.values).toEqual([2, 3])
      expect(JSON.parse(readFileSync(join(out, 'model.safetensors.index.json'), 'utf8'))).toEqual({
        metadata: { total_size: 16 },
        weight_map: {
          a: 'model-00001-of-00002.safetensors',
          b: 'model-00002-of-00002.safetensors',
          c: 'model-00002-of-00002.safetensors',
        },
      })
    }
    const files = card(out).models[1].files as { file: string; sha256: string }[]
    expect(files.map(({ sha256 }) => sha256)).toEqual(
      ['model.safetensors.index.json', 'x-1.safetensors', 'x-2.safetensors'].map((name) => sha256(join(sharded, name))),
    )
    // What was written is read again.
    await merge([out, paths[0]!], join(folder, 'again.safetensors'))
    expect(readModelFile(join(folder, 'again.safetensors')).tensors.c!.values).toEqual([5])
  })

  it('never take the place of a folder with anything else in it', async () => {
    const { folder, paths } = models({ a: f32(1) }, { a: f32(3) })
    const out = join(folder, 'out')
    mkdirSync(out)
    writeFileSync(join(out, 'notes.txt'), 'mine')
    await expect(merge(paths, out, { shard: 8, force: true })).rejects.toThrow('a folder is there already')
    expect(readdirSync(out)).toEqual(['notes.txt'])
  })

  it.each<[string, string, string]>([
    ['a file elsewhere', index({ a: '../1.safetensors' }), 'which is no .safetensors file beside it'],
    [
      'a tensor that is not in its file',
      index({ a: '1.safetensors', z: '1.safetensors' }),
      'it has z in 1.safetensors, where it is not',
    ],
    ['a file with more', index({ a: '1.safetensors' }), '1.safetensors has b, which it does not name'],
    ['a tensor twice', '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}', 'it has "a" twice'],
    ['no map', '{}', 'it has no weight_map'],
    ['no JSON', 'nothing', 'not the index of a model'],
  ])('an index with %s is refused', async (_, text, message) => {
    const { folder, paths, out } = models({ a: f32(1), b: f32(1) })
    const file = join(folder, 'model.safetensors.index.json')
    writeFileSync(file, text)
    await expect(merge([paths[0]!, file], out)).rejects.toThrow(message)
  })
})

describe('what is refused before anything is written', () => {
  const refused = async (all: Tensors[], message: string | object, more: Partial<MergeRequest> = {}) => {
    const { folder, paths, out, before } = models(...all)
    await expect(merge(paths, out, more)).rejects.toThrow(
      typeof message === 'string' ? message : (expect.objectContaining(message) as Error),
    )
    expect(readdirSync(folder)).toEqual(before)
  }

  it('models that differ, with all differences', () =>
    refused(
      [
        { a: f32(1), b: f32(1, 2), c: f32(1) },
        { a: half('F16', 0), b: f32(1), d: f32(1) },
      ],
      {
        code: 'E_MODEL_FILE',
        exitCode: 3,
        hint: expect.stringMatching(
          /^a is F32 \[1\] in \S+1.safetensors and F16 \[1\] in \S+\nb is F32 \[2\] in \S+ and F32 \[1\] in \S+\nc is missing in \S+2.safetensors\nd is missing in \S+1.safetensors$/,
        ),
      },
    ))

  it('more than twenty differences, of which twenty are told', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`w${i}`, f32(1)]))
    return refused([many, {}], { hint: expect.stringMatching(/^(w\d+ is missing in \S+\n){20}and 10 more$/) })
  })

  it('whole numbers that differ', () =>
    refused(
      [
        { a: f32(1), n: i64(1n), m: i64(2n) },
        { a: f32(1), n: i64(2n), m: i64(2n) },
      ],
      { hint: 'n (I64)' },
    ))

  it('a rule without the base that it needs', () =>
    refused(
      [{ a: f32(1) }, { a: f32(1) }],
      'merge task-arithmetic: it needs the model that the others were trained from',
      {
        rule: { 'task-arithmetic': { lambda: 1, normalise: false, weights: 'equal' } } as MergeChoice,
      },
    ))
  it('a rule that needs labels', () =>
    refused([{ a: f32(1) }, { a: f32(1) }], 'merge class-rows: it needs to know how many images', {
      rule: 'class-rows' as 'avg',
    }))
  it('a rule that needs steps', () =>
    refused([{ a: f32(1) }, { a: f32(1) }], 'merge fednova: it needs to know how many steps an owner went', {
      rule: { fednova: { weights: 'images' } } as MergeChoice,
    }))
  it('a group of layers that no tensor is of', () =>
    refused([{ a: f32(1) }, { a: f32(1) }], 'no tensor is called z*; there are a', {
      rule: { layers: { rules: { 'z*': 'max' }, otherwise: 'avg' } } as MergeChoice,
    }))
  it('one model', () => refused([{ a: f32(1) }], 'there is nothing to merge: one model'))
  it('too few models for a rule', () =>
    refused([{ a: f32(1) }, { a: f32(1) }], 'the median of 2 is their mean', { rule: 'median' }))
  it('weights that the rule does not take', () =>
    refused([{ a: f32(1) }, { a: f32(1) }], 'merge max: it makes no use of weights', { rule: 'max', weights: [1, 2] }))
  it('a rule of weights without weights', () =>
    refused([{ a: f32(1) }, { a: f32(1) }], 'with the same weight for each model it is the rule avg', {
      rule: 'weighted-avg',
    }))
  it('a tensor that no framework names so', () =>
    refused(
      [JSON.parse('{"__proto__":0}'), {}].map(() => Object.fromEntries([['__proto__', f32(1)]])),
      'a tensor is called __proto__',
    ))

  it('a base that is not there, is another model, or of which the rule makes no use', async () => {
    const { folder, paths, out, before } = models({ a: f32(1) }, { a: f32(2) })
    const base = paths[0]!
    await expect(merge(paths, out, { base })).rejects.toThrow('merge avg: it makes no use of a base')
    expect(readdirSync(folder)).toEqual(before)
  })

  it('an output that is an input, by whatever name, or is there', async () => {
    const { folder, paths, out } = models({ a: f32(1) }, { a: f32(2) })
    await expect(merge(paths, paths[1]!, { force: true })).rejects.toThrow('is one of the models that are read')
    symlinkSync(paths[0]!, join(folder, 'link.safetensors'))
    await expect(merge(paths, join(folder, 'link.safetensors'), { force: true })).rejects.toThrow(
      'is one of the models',
    )
    await expect(merge(paths, join(folder, 'out'))).rejects.toThrow('ends with .safetensors')
    await merge(paths, out)
    const bytes = readFileSync(out)
    await expect(merge(paths, out)).rejects.toThrow('is there already')
    await merge(paths, out, { force: true })
    expect(readFileSync(out)).toEqual(bytes)
  })
})

describe('what goes wrong on the way leaves nothing', () => {
  it.each<[string, Tensors, Partial<MergeRequest>, string]>([
    ['NaN', { a: f32(1, 2), b: f32(1, NaN) }, {}, '2.safetensors: element 1 of b is NaN'],
    ['infinity', { a: f32(1, -Infinity), b: f32(1, 2) }, {}, '2.safetensors: element 1 of a is -Infinity'],
    [
      'infinity that the rule hides',
      { a: f32(1, -Infinity), b: f32(1, 2) },
      { rule: 'max' },
      'element 1 of a is -Infinity',
    ],
    [
      'a value that the type cannot hold',
      { a: f32(1, 1e6), b: f32(1, 2) },
      { dtype: 'float16' },
      'element 1 of a became 500001, which is too large for float16',
    ],
  ])('%s', async (_, second, more, message) => {
    const { folder, paths, out, before } = models({ a: f32(1, 2), b: f32(1, 2) }, second)
    await expect(merge(paths, out, more)).rejects.toThrow(message)
    expect(readdirSync(folder)).toEqual(before)
  })

  it('a file that is changed while it is read', async () => {
    const { folder, paths, out, before } = models({ a: f32(1), b: f32(2) }, { a: f32(1), b: f32(2) })
    const change = () => utimesSync(paths[1]!, 1, 2)
    await expect(merge(paths, out, {}, { progress: change })).rejects.toThrow(
      '2.safetensors: it was changed while it was read',
    )
    expect(readdirSync(folder)).toEqual(before)
  })

  it('an interruption', async () => {
    const { folder, paths, out, before } = models({ a: f32(1), b: f32(2) }, { a: f32(1), b: f32(2) })
    const controller = new AbortController()
    const stop = () => controller.abort(new Error('stopped'))
    await expect(merge(paths, out, {}, { signal: controller.signal, progress: stop })).rejects.toThrow('stopped')
    expect(readdirSync(folder)).toEqual(before)
    expect(existsSync(out)).toBe(false)
  })
})
