import { flatten, type NamedWeights } from '../weights/named.ts'
import type { Weights } from '../weights/weights.ts'
import type { Update } from './cohort.ts'

/** What the names of tensors begin with that an owner sends with its weights. */
export const SENT = 'sent/'

/** What an owner hands in, as the tensors of one file: its weights, and `sent/<name>/<tensor>` of what it sends with them. */
export const updateTensors = ({ weights, sent }: Pick<Update, 'weights' | 'sent'>): Weights =>
  new Map([...weights, ...flatten(under(SENT, sent))])

const under = (prefix: string, models: NamedWeights): NamedWeights =>
  Object.fromEntries(Object.entries(models).map(([name, weights]) => [`${prefix}${name}`, weights]))
