import { probeBlockSize } from '../../src/engine/onnx/machine/self-check.ts'
import type { Layer } from '../../src/model/layers.ts'
import type { Model } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { conv, dense, dropout, etf, flatten, pool, relu } from './layers.ts'

/** Channels of a block on this machine. */
export const block = await probeBlockSize()
/** The same, or what it is on most machines. */
export const B = block ?? 16

/** Every way through the layers: those that fit the blocks, those that do not, and those between them. */
export const MODELS: Record<string, [layers: readonly Layer[], input: Model['input']]> = {
  'the reference CNN': [presetLayers('cnn', 10), [1, 12, 12]],
  'cnn-small': [presetLayers('cnn-small', 10), [1, 9, 9]],
  mlp: [presetLayers('mlp', 10), [1, 5, 5]],
  'the reference CNN with an etf': [presetLayers('cnn-etf', 10), [1, 12, 12]],
  'an etf of fixed scale right behind blocked images': [
    [conv(B), relu, pool(2), flatten, etf(5, false)],
    [1, 8, 8],
  ],
  'channels that fit no block between others that do': [
    [conv(B), relu, conv(B + 3), relu, pool(2), conv(2 * B), relu, flatten, dense(10)],
    [1, 8, 8],
  ],
  'a first layer that fits no block': [
    [conv(B - 1), relu, conv(B), relu, conv(2 * B), relu, pool(2), flatten, dense(10)],
    [1, 6, 7],
  ],
  'as many channels as a block from the start': [
    [conv(B), relu, flatten, dense(10)],
    [B, 5, 4],
  ],
  'colours, a large kernel and no padding': [
    [conv(B, 5, 'valid'), relu, pool(3), conv(B, 2), pool(2), flatten, dense(10)],
    [3, 15, 14],
  ],
  'a pool behind a pool, a convolution without ReLU': [
    [conv(B), pool(2), pool(2), conv(B, 1), flatten, dense(10)],
    [1, 11, 10],
  ],
  'dropout on images and on features': [
    [
      conv(B),
      relu,
      dropout(0.3),
      conv(B),
      relu,
      pool(2),
      flatten,
      dropout(0.3),
      dense(10),
      relu,
      dropout(0.3),
      dense(10),
    ],
    [1, 6, 6],
  ],
  'a dense layer behind a ReLU behind flatten': [
    [conv(B), flatten, relu, dense(10)],
    [1, 4, 5],
  ],
}
