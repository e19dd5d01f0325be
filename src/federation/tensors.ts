import type { State } from '../algorithm/algorithm.ts'
import type { Tensor, Weights } from '../weights/weights.ts'
import type { Update } from './cohort.ts'

/** What an owner is sent with a model, as the tensors of one file: `<name>/<tensor>`. */
export const instructionTensors = (instruction: State): Weights => new Map(named('', instruction))

/** What an owner hands in, as the tensors of one file: its weights, and `sent/<name>/<tensor>` of what it sends with them. */
export const updateTensors = ({ weights, sent }: Pick<Update, 'weights' | 'sent'>): Weights =>
  new Map([...weights, ...named('sent/', sent)])

const named = (prefix: string, state: State): [string, Tensor][] =>
  Object.entries(state).flatMap(([name, weights]) =>
    [...weights].map(([tensor, value]): [string, Tensor] => [`${prefix}${name}/${tensor}`, value]),
  )
