import type { Engine } from './engine.ts'

/** Every engine, loaded when it is asked for: a native library must not slow down `--help`. */
export const ENGINES = {
  onnx: async () => (await import('./onnx/onnx-engine.ts')).onnxEngine,
} satisfies Record<string, () => Promise<Engine>>

export type EngineName = keyof typeof ENGINES

export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[]
