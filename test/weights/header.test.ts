import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FedunifyError } from '../../src/errors.ts'
import { decodeHeader, encodeHeader, headerBytes, LENGTH_BYTES } from '../../src/weights/safetensors/header.ts'
import { decodeSafetensors, encodeSafetensors } from '../../src/weights/safetensors.ts'

const decode = (header: string, size = 8) => decodeHeader(Buffer.from(header), size)
const entry = (given: object = {}) => ({ dtype: 'F32', shape: [2], data_offsets: [0, 8], ...given })
const one = (given: object = {}) => JSON.stringify({ w: entry(given) })

describe('a header', () => {
  it('has its tensors in the order of their values, whatever the order of their names', () => {
    const { entries, metadata } = decode(
      `{"b":{"dtype":"I64","shape":[],"data_offsets":[4,12]},"__metadata__":{"format":"pt"},` +
        `"none":{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]},"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}   `,
      12,
    )
    expect(entries).toEqual([
      { name: 'a', dtype: 'BF16', shape: [1, 2], from: 0, to: 4 },
      { name: 'none', dtype: 'F16', shape: [3, 0], from: 4, to: 4 },
      { name: 'b', dtype: 'I64', shape: [], from: 4, to: 12 },
    ])
    expect(metadata).toEqual({ format: 'pt' })
  })

  it('may name a tensor as it likes, and changes nothing else by that', () => {
    const name = '__proto__'
    const { entries } = decode(`{"${name}":${JSON.stringify(entry())}}`)
    expect(entries.map((tensor) => tensor.name)).toEqual([name])
    expect(Object.hasOwn(Object.prototype, 'dtype')).toBe(false)
    const header = encodeHeader([{ name, dtype: 'F32', shape: [2], bytes: 8 }], {})
    expect(decodeHeader(header.subarray(LENGTH_BYTES), 8).entries).toEqual(entries)
  })

  it('comes back as it was written', () => {
    const types = fc.constantFrom(['F32', 4], ['F16', 2], ['BF16', 2], ['I64', 8], ['U8', 1]) as fc.Arbitrary<
      [string, number]
    >
    const tensor = fc.tuple(types, fc.array(fc.nat(5), { maxLength: 4 }))
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 6 }), fc.infiniteStream(tensor), (names, tensors) => {
        const entries = names
          .filter((name) => name !== '__metadata__')
          .map((name) => {
            const [[dtype, size], shape] = tensors.next().value
            return { name, dtype, shape, bytes: shape.reduce((n: number, side: number) => n * side, size) }
          })
        const header = encodeHeader(entries, { key: 'value' })
        const size = entries.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(headerBytes(header, header.length + size)).toBe(header.length - LENGTH_BYTES)
        const read = decodeHeader(header.subarray(LENGTH_BYTES), size)
        expect(
          new Map(read.entries.map(({ name, from, to, ...rest }) => [name, { ...rest, bytes: to - from }])),
        ).toEqual(new Map(entries.map(({ name, ...rest }) => [name, rest])))
      }),
    )
  })
})

describe('what the format does not allow', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

  it.each<[string, string, number, RegExp]>([
    ['a header that does not begin with {', ` ${one()}`, 8, /does not begin/],
    ['a list', '[]', 0, /does not begin/],
    ['other padding than spaces', `${one()}\n`, 8, /padded with spaces/],
    ['something behind the object', `${one()} {}`, 8, /JSON|position/],
    ['no JSON', '{"w":}', 8, /JSON|token/],
    ['a name twice', `{"w":${JSON.stringify(entry())},"w":${JSON.stringify(entry())}}`, 8, /"w" twice/],
    [
      'a name twice, once in escapes',
      `{"w":${JSON.stringify(entry())},"\\u0077":${JSON.stringify(entry())}}`,
      8,
      /"w" twice/,
    ],
    ['a field twice', '{"w":{"dtype":"F32","dtype":"I8","shape":[2],"data_offsets":[0,8]}}', 8, /"dtype" twice/],
    ['deep nesting', nested(4), 0, /more than 3 deep/],
    ['very deep nesting', nested(200_000), 0, /more than 3 deep/],
    ['very deep lists', `{"a":${'['.repeat(1e6)}}`, 0, /more than 3 deep/],
    ['a type that is none', one({ dtype: 'F31' }), 8, /type "F31", which is none/],
    ['a type that every object has', one({ dtype: 'constructor' }), 8, /type "constructor", which is none/],
    ['no type', one({ dtype: undefined }), 8, /has no type/],
    ['a negative side', one({ shape: [-2] }), 8, /shape that is none/],
    ['a side that is no whole number', one({ shape: [0.5, 4] }), 8, /shape that is none/],
    ['a shape that is a number', one({ shape: 2 }), 8, /shape that is none/],
    ['a shape of too many values', one({ shape: [2 ** 40, 2 ** 40, 0] }), 8, /too many values/],
    ['four-bit values that fill no byte', one({ dtype: 'F4', shape: [15] }), 8, /no whole bytes/],
    ['negative offsets', one({ data_offsets: [-8, 0] }), 8, /offsets that are none/],
    ['offsets that are text', one({ data_offsets: ['0', '8'] }), 8, /offsets that are none/],
    ['offsets the wrong way round', one({ data_offsets: [8, 0] }), 8, /has -8 bytes/],
    ['offsets of another length than the shape', one({ shape: [3] }), 8, /has 8 bytes, and its shape has 12/],
    ['a huge offset', one({ data_offsets: [0, 2 ** 53] }), 8, /offsets that are none/],
    ['a hole', one({ data_offsets: [4, 12] }), 12, /begins at 4, where 0/],
    ['values that belong to no tensor', one(), 12, /have 8 bytes, and the file has 12/],
    ['values that the file lacks', one(), 4, /have 8 bytes, and the file has 4/],
    [
      'values that belong to two tensors',
      JSON.stringify({ w: entry(), v: entry({ data_offsets: [4, 12] }) }),
      12,
      /begins at 4, where 8/,
    ],
    ['metadata that are no texts', '{"__metadata__":{"a":1}}', 0, /not made of texts/],
    ['metadata that are a list', '{"__metadata__":["a"]}', 0, /not made of texts/],
    ['a tensor that is null', '{"w":null}', 0, /has no type/],
  ])('%s', (_, header, size, message) => expect(() => decode(header, size)).toThrow(message))

  it('bytes that are no UTF-8', () => {
    expect(() => decodeHeader(Buffer.from([0x7b, 0xff, 0x7d]), 0)).toThrow(/utf-8/i)
  })

  it.each<[string, bigint, number, RegExp]>([
    ['a length that the file does not have', 9n, 16, /longer than the file/],
    ['a length beyond any number', 2n ** 64n - 1n, 16, /longer than the file/],
    ['more than 100 MB', 100_000_001n, 2 ** 40, /100000001 bytes, 100000000 at most/],
  ])('%s', (_, length, size, message) => {
    const start = Buffer.alloc(8)
    start.writeBigUInt64LE(length)
    expect(() => headerBytes(start, size)).toThrow(message)
  })
})

it('any change of a header is refused, or leaves every value where a tensor has it', () => {
  const file = Buffer.from(
    encodeSafetensors(
      new Map([
        ['a', { shape: [2, 1], data: Float32Array.of(1, 2) }],
        ['b', { shape: [1], data: Float32Array.of(3) }],
      ]),
      { note: 'x' },
    ),
  )
  const start = 8 + Number(file.readBigUInt64LE())
  fc.assert(
    fc.property(fc.nat(start - 1), fc.nat(255), fc.option(fc.nat(start - 1)), (at, byte, cut) => {
      const changed = Buffer.from(file)
      changed[at] = byte
      const given = cut === null ? changed : changed.subarray(0, cut)
      try {
        const { weights } = decodeSafetensors(given, 'file')
        const values = [...weights.values()].flatMap(({ data }) => [...data])
        expect(values).toEqual([1, 2, 3])
      } catch (error) {
        expect(error).toBeInstanceOf(FedunifyError)
      }
    }),
    { numRuns: 2000 },
  )
})
