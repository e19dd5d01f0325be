import { describe, expect, it } from 'vitest'
import { bytesOfWords, wordsOfBytes } from '../../../src/privacy/masks/words.ts'

describe('words as they travel', () => {
  it('have four bytes, the lowest first', () => {
    expect([...bytesOfWords(Uint32Array.of(1, 0x01020304))]).toEqual([1, 0, 0, 0, 4, 3, 2, 1])
  })

  it('come back from wherever bytes begin, in memory of their own', () => {
    const bytes = Uint8Array.of(9, 1, 0, 0, 0, 4, 3, 2, 0xff).subarray(1)
    const words = wordsOfBytes(bytes)
    expect([...words]).toEqual([1, 0xff020304])
    words[0] = 7
    expect(bytes[0]).toBe(1)
  })
})
