import type { Evaluation } from '../../engine/engine.ts'
import type { WireEvaluation } from './wire.ts'

export const toWire = ({ images, correct, lossSum, confusion }: Evaluation): WireEvaluation => ({
  images,
  correct,
  loss_sum: lossSum,
  confusion: [...confusion],
})

export const fromWire = ({ images, correct, loss_sum, confusion }: WireEvaluation): Evaluation => ({
  images,
  correct,
  lossSum: loss_sum,
  confusion: Uint32Array.from(confusion),
})
