import type { Evaluation } from '../../engine/engine.ts'
import type { OwnUpdate } from '../owner.ts'
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

/** What an update says beside its weights. */
export const updateToWire = ({ trainImages, epochs, images, seconds, loss, local, received }: OwnUpdate) => ({
  train_images: trainImages,
  epochs,
  images,
  seconds,
  metrics: { loss, local: local ? toWire(local) : null, received: received ? toWire(received) : null },
})
