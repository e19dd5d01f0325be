import type * as ort from 'onnxruntime-node'
import { requireRuntime } from '../machine/runtime.ts'

// The one way to the runtime's classes. A plain import would load its native library before any line of ours could
// switch its telemetry off: a bundle evaluates the packages that it imports first.
export const { InferenceSession, Tensor } = requireRuntime()

export type InferenceSession = ort.InferenceSession
export type Tensor = ort.Tensor
