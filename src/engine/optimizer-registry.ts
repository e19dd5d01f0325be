import { z } from 'zod'
import type { Part } from '../parts.ts'
import type { OptimizerSettings } from './engine.ts'

/** What an optimizer's options say to an engine; momentum is read by `momentum` alone. */
type Kind = Pick<OptimizerSettings, 'kind' | 'momentum'>

const sgd = {
  summary: 'each weight less the learning rate times its gradient',
  source: 'Lee 2021 (doi:10.9708/jksci.2021.26.12.069); Robbins and Monro 1951',
  options: z.strictObject({}),
  make: () => ({ kind: 'sgd', momentum: 0 }),
} satisfies Part<object, Kind>

const momentum = {
  summary: 'sgd with a velocity, in which earlier gradients fade',
  source: 'Polyak 1964; Sutskever et al. 2013 (ICML 28), section 2',
  options: z.strictObject({
    momentum: z
      .number()
      .min(0)
      .lt(1)
      .default(0.9)
      .describe('what is left of the velocity at each step')
      .meta({ short: 'momentum' }),
  }),
  make: (options) => ({ kind: 'momentum', momentum: options.momentum }),
} satisfies Part<{ momentum: number }, Kind>

const adam = {
  summary: 'steps by running means of the gradient and of its square',
  source: 'Kingma and Ba 2015 (arXiv:1412.6980), algorithm 1',
  options: z.strictObject({}),
  make: () => ({ kind: 'adam', momentum: 0 }),
} satisfies Part<object, Kind>

/** Every optimizer, by the name that `--optimizer` takes. The engines have the arithmetic. */
export const OPTIMIZERS = { sgd, momentum, adam } satisfies Record<string, Part<object, Kind>>
