import { type Device, type Engine, LAYOUTS, type Layout } from './engine.ts'

export interface EngineEntry {
  readonly summary: string
  /** Where it can compute, the fastest first. */
  readonly devices: readonly Device[]
  /** The layouts that it can be asked for. */
  readonly layouts: readonly Layout[]
  /**
   * Loaded when it is asked for: a native library must not slow down `--help`.
   * @throws FedunifyError (usage) naming what is missing on this machine, and how to get it
   */
  load(device: Device, layout: Layout): Promise<Engine>
}

/** Every engine; if several open a device, the first that works is taken. */
export const ENGINES = {
  onnx: {
    summary: 'onnxruntime: the fastest on a CPU',
    devices: ['cuda', 'webgpu', 'cpu'],
    layouts: LAYOUTS,
    load: async (device, layout) => (await import('./onnx/machine/load-onnx.ts')).loadOnnx(device, layout),
  },
  tfjs: {
    summary: 'TensorFlow.js: CUDA through tfjs-node-gpu',
    devices: ['cuda', 'cpu'],
    layouts: ['auto'],
    load: async (device) => (await import('./tfjs/tfjs-engine.ts')).loadTfjs(device === 'cuda' ? 'cuda' : 'cpu'),
  },
} satisfies Record<string, EngineEntry>

export type EngineName = keyof typeof ENGINES

export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[]
