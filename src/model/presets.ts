import { z } from 'zod'
import { make, type Part } from '../parts.ts'
import type { Layer } from './layers.ts'
import { buildModel, type Model, type Shape } from './model.ts'

const relu = { type: 'relu' } as const
const flatten = { type: 'flatten' } as const
const pool = { type: 'maxpool2d', size: 2 } as const
const conv = (filters: number, padding: 'same' | 'valid') => ({ type: 'conv2d', filters, kernel: 3, padding }) as const
const dense = (units: number) => ({ type: 'dense', units }) as const
/** The linear layer turns what the hidden one knows to the frame: ReLU keeps that from most directions. */
const etf = (features: number, classes: number) =>
  [dense(Math.max(features, classes)), { type: 'etf', scale: 10, learn: true }] as const

/** The layers of a model that ends with a unit for each class of the data. */
type Layers = (classes: number) => readonly Layer[]

const preset = (summary: string, source: string, layers: Layers) =>
  ({ summary, source, options: z.strictObject({}), make: () => layers }) satisfies Part<object, Layers>

/** Named models. Parameters are counted on 28x28 grey images of ten classes. */
export const PRESETS = {
  cnn: preset(
    'two convolutions of 32 and 64 filters, one hidden layer of 128; 421,642 parameters',
    'our reading of Lee 2021, which draws its CNN (fig. 5) and lists no layers',
    (classes) => [
      ...[conv(32, 'same'), relu, pool],
      ...[conv(64, 'same'), relu, pool],
      ...[flatten, dense(128), relu, dense(classes)],
    ],
  ),
  'cnn-small': preset(
    'one convolution of 32 filters, one hidden layer of 100; 542,230 parameters',
    'another reading of Lee 2021, fig. 5',
    (classes) => [conv(32, 'valid'), relu, pool, flatten, dense(100), relu, dense(classes)],
  ),
  'cnn-etf': preset(
    'cnn that ends in 10 fixed directions, as far apart as they can be; 436,865 parameters',
    'Li et al. 2023 (arXiv:2303.10058) (FedETF), without its balanced softmax, on our reading of Lee 2021, fig. 5',
    (classes) => [
      ...[conv(32, 'same'), relu, pool],
      ...[conv(64, 'same'), relu, pool],
      ...[flatten, dense(128), relu, ...etf(128, classes)],
    ],
  ),
  'cnn-small-etf': preset('cnn-small with that last layer; 551,321 parameters', 'as cnn-etf', (classes) => [
    conv(32, 'valid'),
    relu,
    pool,
    flatten,
    dense(100),
    relu,
    ...etf(100, classes),
  ]),
  mlp: preset(
    'two hidden layers of 128, no convolution; 118,282 parameters',
    'a plain network, for quick runs',
    (classes) => [flatten, dense(128), relu, dense(128), relu, dense(classes)],
  ),
}

export type PresetName = keyof typeof PRESETS

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[]

/** The layers of a named model for data of so many classes. */
export const presetLayers = (name: PresetName, classes: number): readonly Layer[] => make(PRESETS, name)(classes)

/** A model by its name or by its layers, for data of a shape and so many classes. */
export const modelOf = (asked: PresetName | readonly Layer[], shape: Shape, classes: number): Model =>
  buildModel(typeof asked === 'string' ? presetLayers(asked, classes) : asked, shape, classes)
