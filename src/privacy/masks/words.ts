import { endianness } from 'node:os'

const SWAPPED = endianness() === 'BE'

/** Words as they travel: four bytes each, the lowest first. A view where the machine writes them so itself. */
export const bytesOfWords = (words: Uint32Array): Uint8Array => {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  return SWAPPED ? Buffer.from(bytes).swap32() : bytes
}

/** The words that travelled so, in memory of their own. @param bytes four for each word */
export const wordsOfBytes = (bytes: Uint8Array): Uint32Array => {
  const own = Uint8Array.from(bytes)
  if (SWAPPED) Buffer.from(own.buffer).swap32()
  return new Uint32Array(own.buffer)
}
