import type { HeadWeights } from '../algorithm/head/head.ts'
import type { HeadStatistics } from '../engine/head-statistics.ts'
import type { Tensor, Weights } from '../weights/weights.ts'

type Sizes = Pick<HeadStatistics, 'size' | 'classes'>
type Shape = { readonly name: string; readonly shape: readonly number[] }

/** The tensors of an owner's sums: half of the symmetric matrix with its diagonal, row by row, and the other. */
export const statisticsShapes = ({ size, classes }: Sizes): readonly Shape[] => [
  { name: 'gram', shape: [(size * (size + 1)) / 2] },
  { name: 'cross', shape: [size, classes] },
]

/** Sums as an owner hands them over, wherever it is: in single precision. */
export function statisticsTensors({ size, classes, gram, cross }: HeadStatistics): Weights {
  const half = Float32Array.from(halfOf(gram, size))
  return tensorsOf(statisticsShapes({ size, classes }), [half, Float32Array.from(cross)])
}

/** Half of a symmetric matrix with its diagonal, row by row. */
export function halfOf(gram: Float64Array, size: number): Float64Array {
  const half = new Float64Array((size * (size + 1)) / 2)
  let at = 0
  for (let row = 0; row < size; row++) {
    half.set(gram.subarray(row * size + row, (row + 1) * size), at)
    at += size - row
  }
  return half
}

/** The sums of such tensors. */
export function statisticsOf(tensors: Weights, images: number): HeadStatistics {
  const [half, cross] = [tensors.get('gram')!.data, tensors.get('cross')!]
  const [size, classes] = cross.shape as [number, number]
  return { images, size, classes, gram: wholeOf(half, size), cross: Float64Array.from(cross.data) }
}

/** The symmetric matrix of such a half. */
export function wholeOf(half: ArrayLike<number>, size: number): Float64Array {
  const gram = new Float64Array(size ** 2)
  let at = 0
  for (let row = 0; row < size; row++) {
    for (let column = row; column < size; column++) {
      gram[row * size + column] = half[at]!
      gram[column * size + row] = half[at]!
      at += 1
    }
  }
  return gram
}

/** The tensors of a last layer. */
export const headShapes = ({ size, classes }: Sizes): readonly Shape[] => [
  { name: 'weight', shape: [classes, size - 1] },
  { name: 'bias', shape: [classes] },
]

/** A last layer as it goes to the owners. */
export function headTensors({ weight, bias }: HeadWeights): Weights {
  const classes = bias.length
  return tensorsOf(headShapes({ size: weight.length / classes + 1, classes }), [weight, bias])
}

/** The last layer of such tensors. */
export const headOfTensors = (tensors: Weights): HeadWeights => ({
  weight: tensors.get('weight')!.data,
  bias: tensors.get('bias')!.data,
})

const tensorsOf = (shapes: readonly Shape[], data: readonly Float32Array[]): Weights =>
  new Map(shapes.map(({ name, shape }, i): [string, Tensor] => [name, { shape, data: data[i]! }]))
