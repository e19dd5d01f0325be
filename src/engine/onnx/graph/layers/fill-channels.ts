import type { Device } from '../../../engine.ts'
import type { Graph } from '../graph.ts'

/** What a graph has that is for WebGPU. */
export interface WebGpu {
  /** Images of zeros that join a batch where images are the channels of a convolution. */
  readonly zeroImages: number
}

/**
 * What a graph needs on `device`. In training that depends on the images of a batch, and one graph serves all batches
 * that need the same.
 */
export const webGpu = (device: Device, batch = 0): WebGpu | undefined =>
  device === 'webgpu' ? { zeroImages: missingChannels(batch) } : undefined

/**
 * How many channels of zeros, which add nothing, keep a WebGPU convolution right. Where the channels are a multiple of
 * 3 and not of 4, onnxruntime 1.30 reads them in threes, but finds each three where a four would begin, and says
 * nothing (by all signs microsoft/onnxruntime#29651). The first three is where it should be, so 3 channels are right.
 * Outputs that are no multiple of 4 keep it from doing so; they are not counted on.
 */
export function missingChannels(channels: number): number {
  const inThrees = channels > 3 && channels % 3 === 0
  return inThrees ? (4 - (channels % 4)) % 4 : 0
}

/** Images, or kernels, [N, C, H, W] with so many channels of zeros behind theirs. */
export const fillChannels = (g: Graph, x: string, missing: number): string =>
  missing === 0 ? x : g.op('Pad', [x, g.ints(0, 0, 0, 0, 0, missing, 0, 0)])
