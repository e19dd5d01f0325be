import type { Dataset } from '../../src/data/dataset.ts'
import { noise } from './numbers.ts'

/** Four classes of noisy grey images, each bright in a quarter of its own: easy to learn, and no two images alike. */
export function quarters(count: number, side = 12): Dataset {
  const images = new Uint8Array(new SharedArrayBuffer(count * side * side))
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  const grain = noise(images.length, 21)
  const half = side / 2
  for (let i = 0; i < count; i++) {
    const label = i % 4
    labels[i] = label
    for (let row = 0; row < side; row++) {
      for (let col = 0; col < side; col++) {
        const at = (i * side + row) * side + col
        const bright = Math.floor(row / half) * 2 + Math.floor(col / half) === label
        images[at] = 60 + 50 * grain[at]! + (bright ? 110 : 0)
      }
    }
  }
  return {
    name: 'quarters',
    shape: [1, side, side],
    elements: 'uint8',
    images,
    labels,
    count,
    classes: 4,
    classNames: ['0', '1', '2', '3'],
    trainCount: count,
    sha256: {},
    source: 'memory',
  }
}

/** Indices `from` to `to` of a dataset. */
export const range = (from: number, to: number): Uint32Array =>
  Uint32Array.from({ length: to - from }, (_, i) => from + i)
