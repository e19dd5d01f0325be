import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { f32, half, i64, writeModel } from '../support/model-file.ts'

const MODEL = {
  'a.weight': { ...f32(3, -4, 0, 1), shape: [2, 2] },
  'b.half': half('F16', 0x3c00, 0xc000),
  'c.brain': half('BF16', 0x3f80),
  'd.broken': f32(NaN, Infinity, -Infinity, 2),
  'e.count': i64(-3n, 5n),
  'f.none': f32(),
  'g.lost': f32(NaN),
  'h.eight': { dtype: 'F8_E4M3', shape: [3], data: Uint8Array.of(1, 2, 3) },
}

const written = () => writeModel(join(temporaryFolder(), 'm.safetensors'), MODEL, { format: 'pt' })

describe('fedunify inspect', () => {
  it('lists every tensor with what its values are like', async () => {
    const file = written()
    const { code, out } = await fedunify(['inspect', file])
    expect(code).toBe(0)
    expect(out).toBe(
      `\
tensor    type     shape   values    norm  min  max  mean  NaN  inf
a.weight  F32      [2, 2]       4   5.099   -4    3     0    0    0
b.half    F16      [2]          2  2.2361   -2    1  -0.5    0    0
c.brain   BF16     [1]          1       1    1    1     1    0    0
d.broken  F32      [4]          4       2    2    2     2    1    2
e.count   I64      [2]          2   5.831   -3    5     1    0    0
f.none    F32      [0]          0       -    -    -     -    0    0
g.lost    F32      [1]          1       -    -    -     -    1    0
h.eight   F8_E4M3  [3]          3       -    -    -     -    -    -
total                          17  8.3666   -4    5   0.4    2    2

${file}: 8 tensors, 17 values, 597 bytes; 4 of them are NaN or infinite
format: pt
`,
    )
  })

  it('leaves columns out of a narrow terminal, and says so', async () => {
    const { out } = await fedunify(['inspect', written()], { width: 60 })
    expect(out).toContain('left out: min, max, mean')
    expect(
      Math.max(
        ...out
          .split('\n')
          .slice(0, 10)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(60)
  })

  it('gives programs every digit', async () => {
    const { out } = await fedunify(['inspect', written(), '--json'])
    const { format, model, files, metadata, tensors, total } = JSON.parse(out)
    expect({ format, metadata, files: files.length }).toEqual({ format: 1, metadata: { format: 'pt' }, files: 1 })
    expect(model).toMatch(/m\.safetensors$/)
    expect(tensors[0]).toEqual({
      ...{ name: 'a.weight', dtype: 'F32', shape: [2, 2], values: 4, bytes: 16 },
      ...{ l2_norm: Math.sqrt(26), min: -4, max: 3, mean: 0, nan: 0, infinite: 0 },
    })
    expect(tensors[6]).toMatchObject({ l2_norm: null, mean: null, nan: 1 })
    expect(tensors[7]).toEqual({ name: 'h.eight', dtype: 'F8_E4M3', shape: [3], values: 3, bytes: 3 })
    expect(total).toEqual({
      ...{ tensors: 8, values: 17, bytes: 61 },
      ...{ l2_norm: Math.sqrt(26 + 5 + 1 + 4 + 34), min: -4, max: 5, mean: 0.4, nan: 2, infinite: 2 },
    })
  })

  it('makes a table for Markdown, and a CSV', async () => {
    const file = written()
    const { out } = await fedunify(['inspect', file, '--md'])
    expect(out.split('\n').slice(0, 3)).toEqual([
      '| tensor | type | shape | values | norm | min | max | mean | NaN | inf |',
      '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      '| a.weight | F32 | \\[2, 2\\] | 4 | 5.099 | -4 | 3 | 0 | 0 | 0 |',
    ])
    const csv = (await fedunify(['inspect', file, '--csv'])).out.split('\n')
    expect(csv[0]).toBe('name,dtype,shape,values,bytes,l2_norm,min,max,mean,nan,infinite')
    expect(csv[1]).toBe(`a.weight,F32,2 2,4,16,${Math.sqrt(26)},-4,3,0,0,0`)
    expect(csv[8]).toBe('h.eight,F8_E4M3,3,3,3,,,,,,')
  })

  it('takes the folder of a run, and an index', async () => {
    const folder = temporaryFolder()
    writeModel(join(folder, 'model.safetensors'), { w: f32(1) })
    expect((await fedunify(['inspect', folder])).out).toContain('1 tensor, 1 value,')
    const sharded = join(folder, 'sharded')
    mkdirSync(sharded)
    writeModel(join(sharded, 'a.safetensors'), { w: f32(1) })
    writeModel(join(sharded, 'b.safetensors'), { v: f32(2, 3) })
    const index = join(sharded, 'model.safetensors.index.json')
    writeFileSync(index, JSON.stringify({ weight_map: { w: 'a.safetensors', v: 'b.safetensors' } }))
    for (const named of [index, sharded]) {
      expect((await fedunify(['inspect', named])).out).toContain('2 tensors, 3 values, 172 bytes in 2 files')
    }
  })

  it.each<[string, string | undefined, string]>([
    ['nowhere.safetensors', undefined, 'no such file'],
    ['text.safetensors', '# weights', 'not a safetensors file: the header is longer than the file'],
    ['short.safetensors', 'abc', 'it is shorter than the length of a header'],
  ])('%s is no model', async (name, text, message) => {
    const file = join(temporaryFolder(), name)
    if (text !== undefined) writeFileSync(file, text)
    const { code, out, err } = await fedunify(['inspect', file])
    expect({ code, out }).toEqual({ code: 3, out: '' })
    expect(err).toContain(message)
  })

  it('a folder without a model says what it lacks', async () => {
    const { code, err } = await fedunify(['inspect', temporaryFolder()])
    expect(code).toBe(3)
    expect(err).toContain('has neither model.safetensors nor model.safetensors.index.json')
  })
})
