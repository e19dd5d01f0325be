import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSafetensors, encodeSafetensors, safetensorsSize } from '../../src/weights/safetensors.ts'
import type { Tensor, Weights } from '../../src/weights/weights.ts'
import { bits } from '../support/numbers.ts'

const tensor = (shape: number[], ...values: number[]): Tensor => ({ shape, data: Float32Array.from(values) })

/** The file as its format says, read without our own reader. */
function parts(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const length = Number(view.getBigUint64(0, true))
  const header = new TextDecoder().decode(file.subarray(8, 8 + length))
  return { length, header, entries: JSON.parse(header), data: file.subarray(8 + length) }
}

/** A file of this header, with `bytes` of zeros behind it. */
function fileOf(header: string, bytes = 0, length = header.length): Uint8Array {
  const file = Buffer.alloc(8 + header.length + bytes)
  file.writeBigUInt64LE(BigInt(length))
  file.write(header, 8)
  return file
}

describe('a safetensors file', () => {
  const weights: Weights = new Map([
    ['conv1.weight', tensor([1, 2, 1, 1], 1, -2)],
    ['dense1.bias', tensor([3], 0.5, Number.MIN_VALUE, 3e38)],
  ])

  it('is eight bytes of length, a JSON header, then the values in order', () => {
    const { length, header, entries, data } = parts(encodeSafetensors(weights, { round: '3' }))
    expect(length % 8).toBe(0)
    expect(header.startsWith('{')).toBe(true)
    expect(header.trimEnd().length).toBeGreaterThan(length - 8)
    expect(entries).toEqual({
      __metadata__: { round: '3' },
      'conv1.weight': { dtype: 'F32', shape: [1, 2, 1, 1], data_offsets: [0, 8] },
      'dense1.bias': { dtype: 'F32', shape: [3], data_offsets: [8, 20] },
    })
    const values = Buffer.alloc(20)
    for (const [i, value] of [1, -2, 0.5, Number.MIN_VALUE, 3e38].entries()) values.writeFloatLE(value, 4 * i)
    expect(Buffer.compare(data, values)).toBe(0)
  })

  it('aligns the values to eight bytes, whatever the header’s length', () => {
    for (let i = 0; i < 9; i++) {
      const { length, entries } = parts(encodeSafetensors(weights, { note: 'ä'.repeat(i) }))
      expect(length % 8).toBe(0)
      expect(entries.__metadata__.note).toHaveLength(i)
    }
  })

  it('gives back every bit, names, shapes and order', () => {
    const any = fc.uint32Array({ minLength: 1, maxLength: 20 }).map((words) => new Float32Array(words.buffer.slice(0)))
    const name = fc.string({ minLength: 1 }).filter((text) => text !== '__metadata__' && !/^\d+$/.test(text))
    fc.assert(
      fc.property(fc.dictionary(name, any, { noNullPrototype: true }), (tensors) => {
        const before: Weights = new Map(
          Object.entries(tensors).map(([key, data]) => [key, { shape: [data.length], data }]),
        )
        const { weights: after } = decodeSafetensors(encodeSafetensors(before), 'file')
        expect([...after.keys()]).toEqual([...before.keys()])
        for (const [key, { shape, data }] of before) {
          expect(after.get(key)!.shape).toEqual(shape)
          expect(bits(after.get(key)!.data)).toEqual(bits(data))
        }
      }),
    )
  })

  it('takes values from the middle of a larger buffer', () => {
    const large = Float32Array.of(9, 1, 2, 9)
    const encoded = encodeSafetensors(new Map([['w', { shape: [2], data: large.subarray(1, 3) }]]))
    const inside = new Uint8Array(encoded.length + 3)
    inside.set(encoded, 3)
    expect([...decodeSafetensors(inside.subarray(3), 'file').weights.get('w')!.data]).toEqual([1, 2])
  })

  it('has the size that its weights tell without it', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), shape), fc.dictionary(fc.string(), fc.string()), (shapes, metadata) => {
        const made: Weights = new Map(
          Object.entries(shapes).map(([name, sides]) => {
            return [name, { shape: sides, data: new Float32Array(sides.reduce((n, side) => n * side, 1)) }]
          }),
        )
        expect(safetensorsSize(made, metadata)).toBe(encodeSafetensors(made, metadata).byteLength)
      }),
    )
    expect(safetensorsSize(weights)).toBe(encodeSafetensors(weights).byteLength)
  })

  it('may hold no tensors, and metadata', () => {
    expect(decodeSafetensors(encodeSafetensors(new Map()), 'file')).toEqual({ weights: new Map(), metadata: {} })
    expect(decodeSafetensors(encodeSafetensors(weights, { seed: '1' }), 'file').metadata).toEqual({ seed: '1' })
  })
})

describe('what is no safetensors file', () => {
  const entry = (given: object) => JSON.stringify({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...given } })

  it.each<[string, Uint8Array]>([
    ['an empty file', new Uint8Array()],
    ['a few bytes', Buffer.from('abc')],
    ['text', Buffer.from('# weights\n1 2 3\n')],
    ['a header longer than the file', fileOf(entry({}), 8, 1e6)],
    ['a header that is no JSON', fileOf('{"w": ')],
    ['a header that is null', fileOf('null')],
    ['an entry without a shape', fileOf('{"w":{"dtype":"F32"}}')],
    ['float16', fileOf(entry({ dtype: 'F16' }), 8)],
    ['offsets that do not fit the shape', fileOf(entry({ data_offsets: [0, 4] }), 8)],
    ['offsets outside the file', fileOf(entry({ data_offsets: [8, 16] }), 8)],
    ['offsets before the values', fileOf(entry({ data_offsets: [-8, 0] }), 8)],
    ['a file that was cut', encodeSafetensors(new Map([['w', tensor([4], 1, 2, 3, 4)]])).subarray(0, -1)],
  ])('%s', (_, bytes) => {
    expect(() => decodeSafetensors(bytes, 'run/model.safetensors')).toThrow(
      expect.objectContaining({
        kind: 'data',
        message: expect.stringMatching(/^run\/model\.safetensors: not a safetensors file: .+$/),
      }),
    )
  })
})
