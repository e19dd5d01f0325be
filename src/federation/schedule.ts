import type { Experiment } from '../config/schema.ts'

type Schedule = Pick<Experiment, 'lr' | 'rounds' | 'lr-schedule' | 'lr-step-rounds' | 'lr-step-factor'>

/** Learning rate of a round (from 1): constant, half a cosine from lr down towards 0, or a factor every few rounds. */
export function learningRate(e: Schedule, round: number): number {
  const done = round - 1
  switch (e['lr-schedule']) {
    case 'constant':
      return e.lr
    case 'cosine':
      return (e.lr * (1 + Math.cos((Math.PI * done) / e.rounds))) / 2
    case 'step':
      return e.lr * e['lr-step-factor'] ** Math.floor(done / e['lr-step-rounds'])
  }
}
