import type { PlacedLayer } from '../../../model/model.ts'
import type { ImageLayout, ImageShape } from './layers/image-layout.ts'

/** A layer as it is trained. */
export interface Step {
  readonly placed: PlacedLayer
  readonly position: number
  /** Size of the max-pool that a convolution takes along, 1: none, and whether it takes a ReLU along. */
  readonly pool: number
  readonly relu: boolean
  /** Nothing before it has parameters: the gradient goes no further back. */
  readonly first: boolean
  readonly input: ImageLayout['name']
  readonly output: ImageLayout['name']
  /** For a dense layer behind blocked images: their shape, in whose blocked order its features come. */
  readonly features?: ImageShape
}

/**
 * The layers as they are trained, each in the layout that it takes.
 *
 * @param block channels of a block if the runtime has blocked convolutions. Each layer whose channels fit takes
 * them, the others work in the standard layout.
 */
export function trainingSteps(layers: readonly PlacedLayer[], block?: number): Step[] {
  const steps: Step[] = []
  let layout: ImageLayout['name'] = 'standard'
  let first = true
  for (const step of fused(layers)) {
    const { placed, position } = step
    const { input, output } = layouts(placed, layers[position + 1], layout, first, block)
    const image = layers[position - 1]?.input as ImageShape
    const features = placed.layer.type === 'dense' && input === 'blocked' ? { features: image } : {}
    steps.push({ ...step, first, input, output, ...features })
    layout = output
    if (placed.parameters.length > 0) first = false
  }
  return steps
}

/** The steps on images before the first that asks for more than them, and all from there on. */
export function stepsApart(steps: readonly Step[]): {
  readonly images: readonly Step[]
  readonly others: readonly Step[]
} {
  const isOnImages = ({ placed: { layer } }: Step) => ['conv2d', 'relu', 'maxpool2d', 'flatten'].includes(layer.type)
  const end = steps.findIndex((step) => !isOnImages(step))
  const count = end < 0 ? steps.length : end
  return { images: steps.slice(0, count), others: steps.slice(count) }
}

function layouts(
  { layer, input }: PlacedLayer,
  next: PlacedLayer | undefined,
  before: ImageLayout['name'],
  first: boolean,
  block: number | undefined,
): Pick<Step, 'input' | 'output'> {
  const standard = { input: 'standard', output: 'standard' } as const
  switch (layer.type) {
    case 'conv2d': {
      if (block === undefined || layer.filters % block !== 0) return standard
      const channels = input[0]!
      if (channels % block === 0) return { input: 'blocked', output: 'blocked' }
      // Fewer channels than a block can be read as they are, but no gradient can be written there.
      return first && channels < block ? { input: 'standard', output: 'blocked' } : standard
    }
    case 'relu':
    case 'maxpool2d':
      return { input: before, output: before }
    case 'flatten':
      return next?.layer.type === 'dense' ? { input: before, output: before } : standard
    case 'dense':
      return { input: before, output: 'standard' }
    case 'etf':
      return standard
    case 'dropout':
      // Its mask goes by position in the standard order, so that it is the same in every layout.
      return standard
  }
}

/** A convolution takes the ReLU behind it along, and the pool behind either. */
function fused(layers: readonly PlacedLayer[]): Pick<Step, 'placed' | 'position' | 'pool' | 'relu'>[] {
  const steps: Pick<Step, 'placed' | 'position' | 'pool' | 'relu'>[] = []
  for (let i = 0; i < layers.length; i++) {
    const step = { placed: layers[i]!, position: i }
    const isConv = step.placed.layer.type === 'conv2d'
    const relu = isConv && layers[i + 1]?.layer.type === 'relu'
    if (relu) i += 1
    const next = layers[i + 1]?.layer
    const pool = isConv && next?.type === 'maxpool2d' ? next.size : 1
    if (pool > 1) i += 1
    steps.push({ ...step, relu, pool })
  }
  return steps
}
