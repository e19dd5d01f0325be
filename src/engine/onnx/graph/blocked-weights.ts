import type { Graph } from './graph.ts'
import { enterKernels, leaveKernels } from './layers/blocked-layout.ts'
import type { ImageShape } from './layers/image-layout.ts'
import type { Step } from './steps.ts'

/** How a tensor's order changes around the loop. */
export interface Order {
  enter(g: Graph, standard: string): string
  leave(g: Graph, blocked: string, standard: string): void
}

/**
 * Weights are in the order of the blocked images inside the loop, which saves reordering them in every step: kernels,
 * and dense weights whose features are blocked images.
 */
export function blockedWeights(steps: readonly Step[], block = 1): Map<string, Order> {
  const orders = new Map<string, Order>()
  for (const { placed, features, input, output } of steps) {
    const name = `${placed.name}.weight`
    if (placed.layer.type === 'conv2d' && output === 'blocked') {
      const shape = [placed.layer.filters, placed.input[0]!, placed.layer.kernel] as const
      const plain = input === 'standard'
      orders.set(name, {
        enter: (g, standard) => enterKernels(g, standard, shape, block, plain),
        leave: (g, blocked, standard) => leaveKernels(g, blocked, shape, block, plain, standard),
      })
    }
    if (features) orders.set(name, denseOrder(placed.output[0]!, features, block))
  }
  return orders
}

function denseOrder(units: number, [channels, rows, cols]: ImageShape, block: number): Order {
  const [planes, pixels, shape] = [channels / block, rows * cols, [units, channels * rows * cols]]
  return {
    enter(g, standard) {
      const apart = g.reshape(standard, units, planes, block, pixels)
      return g.reshape(g.transpose(apart, 0, 1, 3, 2), ...shape)
    },
    leave(g, blocked, standard) {
      const apart = g.reshape(blocked, units, planes, pixels, block)
      g.op('Reshape', [g.transpose(apart, 0, 1, 3, 2), g.ints(...shape)], {}, [standard])
    },
  }
}
