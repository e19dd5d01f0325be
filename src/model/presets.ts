import type { Layer } from './layers.ts'

const relu = { type: 'relu' } as const
const flatten = { type: 'flatten' } as const
const pool = { type: 'maxpool2d', size: 2 } as const
const conv = (filters: number, padding: 'same' | 'valid') => ({ type: 'conv2d', filters, kernel: 3, padding }) as const
const dense = (units: number) => ({ type: 'dense', units }) as const

/** Named models. The paper draws its CNN (Fig. 5) but does not list its layers; `cnn` is our reference. */
export const PRESETS = {
  /** 421,642 parameters on 28x28 grey images and 10 classes. */
  cnn: [conv(32, 'same'), relu, pool, conv(64, 'same'), relu, pool, flatten, dense(128), relu, dense(10)],
  /** 542,230 parameters. */
  'cnn-small': [conv(32, 'valid'), relu, pool, flatten, dense(100), relu, dense(10)],
  /** 118,282 parameters. */
  mlp: [flatten, dense(128), relu, dense(128), relu, dense(10)],
} satisfies Record<string, readonly Layer[]>

export type PresetName = keyof typeof PRESETS

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[]
