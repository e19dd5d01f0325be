import type { HeadWeights } from '../../algorithm/head/head.ts'
import type { Weights } from '../../weights/weights.ts'
import type { RunDescription } from '../run-description.ts'

/** What a run folder is made of, and made for. */
export interface RunPlan {
  readonly description: RunDescription
  /** The model's tensors, in their order. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  /** Names of what the server keeps between rounds; each has the model's tensors. */
  readonly serverState: readonly string[]
  /**
   * The folder with the dataset on this machine, to go on from there: the config may have the last part of it alone.
   * Undefined if none was named.
   */
  readonly data?: string | undefined
  /** The model with these weights as an ONNX file. */
  exportModel(weights: Weights): Promise<Uint8Array>
  /** The model with another last layer: its weights, and as an ONNX file. */
  exportHead(weights: Weights, head: HeadWeights): Promise<{ readonly weights: Weights; readonly onnx: Uint8Array }>
}
