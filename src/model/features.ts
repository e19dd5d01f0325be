import { FedunifyError } from '../errors.ts'
import { normal, stream } from '../random.ts'
import type { Tensor, Weights } from '../weights/weights.ts'
import { buildModel, type Model, type PlacedLayer, parameterCount } from './model.ts'

/** The model without its last layer: its outputs are the features that logits are made of. */
export const featureModel = (model: Model): Model => before(model, model.layers.length - 1, lastDense(model))

/** Each dense layer's weight, with the model of all that comes before the layer: its outputs are the layer's inputs. */
export const denseInputs = (model: Model): { readonly weight: string; readonly before: Model }[] =>
  model.layers.flatMap((placed, i) =>
    isDense(placed) ? [{ weight: `${placed.name}.weight`, before: before(model, i, placed) }] : [],
  )

/** The first so many layers. */
function before(model: Model, count: number, { input }: Dense): Model {
  const layers = model.layers.slice(0, count)
  return { ...model, classes: input[0]!, layers, parameters: layers.flatMap(({ parameters }) => parameters) }
}

/**
 * The model that a head is fitted to: with so many units more in its last hidden layer, random features of what that
 * layer sees. Where the model ends with an etf, a dense layer stands for it, and for the dense layer that leads to it.
 */
export function widened(model: Model, random: number): Model {
  const own = endingDense(model)
  if (random === 0) return own
  const hidden = hiddenDense(own)
  const layers = own.layers.map((placed) => {
    return placed === hidden ? { ...hidden.layer, units: hidden.layer.units + random } : placed.layer
  })
  return buildModel(layers, model.input, model.classes)
}

/** What a linear layer and an etf say of their features, a dense layer can be fitted to say better. */
function endingDense(model: Model): Model {
  const layers = model.layers.map(({ layer }) => layer)
  if (layers.at(-1)?.type !== 'etf') return model
  const before = layers.slice(0, layers.at(-2)?.type === 'dense' ? -2 : -1)
  return buildModel([...before, { type: 'dense', units: model.classes }], model.input, model.classes)
}

/**
 * Weights of the units that a model has more: sums of their inputs by Gaussian numbers of the seed, so nobody has to be
 * sent them. ReLU makes features of them, whatever the scale of the inputs is. The same for every round.
 * @returns [units, inputs], row-major; empty if the model is no wider
 */
export function randomUnits(model: Model, wide: Model, seed: number): Float32Array {
  const plain = endingDense(model)
  if (parameterCount(wide) === parameterCount(plain)) return new Float32Array()
  const [own, { layer, input }] = [hiddenDense(plain), hiddenDense(wide)]
  const random = stream(seed, 'head')
  const scale = 1 / Math.sqrt(input[0]!)
  const length = (layer.units - own.layer.units) * input[0]!
  return Float32Array.from({ length }, () => normal(random) * scale)
}

/**
 * Weights of a model as those of its widened one.
 * @param units of the random features
 * @param last of the last layer, for its features are others now
 */
export function widenedWeights(
  wide: Model,
  weights: Weights,
  units: Float32Array,
  last: { readonly weight: Float32Array; readonly bias: Float32Array },
): Weights {
  const output = lastDense(wide)
  const values = new Map([
    [`${output.name}.weight`, last.weight],
    [`${output.name}.bias`, last.bias],
  ])
  if (units.length > 0) {
    const { name, input } = hiddenDense(wide)
    const [own, bias] = [weights.get(`${name}.weight`)!.data, weights.get(`${name}.bias`)!.data]
    const added = new Float32Array(units.length / input[0]!)
    values.set(`${name}.weight`, joined(own, units)).set(`${name}.bias`, joined(bias, added))
  }
  const tensors = wide.parameters.map(({ name, shape }): [string, Tensor] => {
    return [name, { shape, data: values.get(name) ?? weights.get(name)!.data }]
  })
  return new Map(tensors)
}

const joined = (a: Float32Array, b: Float32Array) => {
  const all = new Float32Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

type Dense = PlacedLayer<Extract<PlacedLayer['layer'], { type: 'dense' }>>

const isDense = (placed: PlacedLayer | undefined): placed is Dense => placed?.layer.type === 'dense'

function lastDense(model: Model): Dense {
  const last = model.layers.at(-1)
  if (isDense(last)) return last
  throw new FedunifyError('E_MODEL', 'a head is fitted to the last layer, which must be dense', 'add a dense layer')
}

/** The layer whose units, through ReLU, are the features. */
function hiddenDense(model: Model): Dense {
  const before = model.layers.slice(0, -1).filter(({ layer }) => layer.type !== 'dropout')
  const [hidden, relu] = before.slice(-2)
  if (isDense(hidden) && relu?.layer.type === 'relu') return hidden
  throw new FedunifyError(
    'E_MODEL',
    'random features need a dense layer and relu before the last layer',
    'fit the head without random features, or choose another model',
  )
}
