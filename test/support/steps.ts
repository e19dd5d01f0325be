import { type Model, sizeOf } from '../../src/model/model.ts'
import { stream } from '../../src/random.ts'
import type { Chunk } from './chunk.ts'

/** A chunk of random images and labels, the same for equal arguments. */
export function someSteps(model: Model, steps: number, batch: number): Chunk {
  const random = stream(4, 'subset')
  const images = Uint8Array.from({ length: steps * batch * sizeOf(model.input) }, () => random.below(256))
  const labels = Array.from({ length: steps * batch }, () => random.below(model.classes))
  const keys = Array.from({ length: steps }, (_, i) => i * 7919)
  return { images, labels, steps, lr: 0.02, done: 0, keys }
}
