import type { Readable } from 'node:stream'
import type { State } from '../../src/algorithm/algorithm.ts'
import type { Weights } from '../../src/weights/weights.ts'

export function frame(head: object, body?: Uint8Array): Buffer
export function frames(stream: Readable): AsyncIterable<{ head: object; body: Uint8Array }>
export function unflat(tensors: Weights): State
export function grouped(tensors: Weights): { weights: Weights; sent: State }
