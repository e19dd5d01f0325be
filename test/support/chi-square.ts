/** Pearson's statistic of how often each of the 256 bytes comes, if all should come as often. */
export function chiSquareOfBytes(words: Uint32Array): number {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  const counts = new Float64Array(256)
  for (const byte of bytes) counts[byte]! += 1
  const expected = bytes.length / 256
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}
