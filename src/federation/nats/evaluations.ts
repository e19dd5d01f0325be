import type { z } from 'zod'
import type { Evaluation } from '../../engine/engine.ts'
import type { EvaluationSchema } from './wire.ts'

type Wire = z.output<typeof EvaluationSchema>

export const toWire = ({ images, correct, lossSum, confusion }: Evaluation): Wire => ({
  images,
  correct,
  loss_sum: lossSum,
  confusion: [...confusion],
})

export const fromWire = ({ images, correct, loss_sum, confusion }: Wire): Evaluation => ({
  images,
  correct,
  lossSum: loss_sum,
  confusion: Uint32Array.from(confusion),
})
