import type { OptimizerSettings } from '../../engine.ts'
import { ADAM } from '../../training/adam.ts'
import { elementType, type Graph } from './graph.ts'
import type { Gradient } from './layers/pass.ts'

/** Names in the graph of what an update reads. */
export interface UpdateInputs {
  /** Number of this update within the plan, from 1, as a float32 scalar. */
  readonly step: string
  /** Learning rate, a float32 scalar. */
  readonly lr: string
  /** The constants as settings give them. */
  readonly settings: OptimizerSettings
}

export interface OptimizerRule {
  /** Prefixes of the tensors that it keeps for each parameter, each shaped like the parameter, 0 at the start. */
  readonly state: readonly string[]
  /** Whether gradients arrive multiplied by the learning rate; it saves a pass over all weights. */
  readonly scaled: boolean
  update(g: Graph, weight: string, gradient: Gradient, state: readonly string[], inputs: UpdateInputs): Updated
}

interface Updated {
  readonly weight: string
  readonly state: readonly string[]
}

/** The gradient with the L2 penalty: g + weightDecay * w (both times lr where gradients arrive scaled). */
function decayed(
  g: Graph,
  weight: string,
  gradient: Gradient,
  { settings, lr }: UpdateInputs,
  scaled: boolean,
): Gradient {
  const { weightDecay } = settings
  if (weightDecay === 0) return gradient
  const penalty = scaled ? g.op('Mul', [weight, lr]) : weight
  const value = gradient(1, { name: penalty, beta: weightDecay })
  return (alpha = 1, onto) => {
    const own = alpha === 1 ? value : g.op('Mul', [value, g.scalar(alpha)])
    return onto ? g.op('Add', [g.op('Mul', [onto.name, g.scalar(onto.beta)]), own]) : own
  }
}

/** Mini-batch SGD, the paper's eq. 2: w - lr * g. */
const sgd: OptimizerRule = {
  state: [],
  scaled: true,
  update(g, weight, gradient, _state, inputs) {
    return { weight: decayed(g, weight, gradient, inputs, true)(-1, { name: weight, beta: 1 }), state: [] }
  },
}

/** Heavy ball (Polyak 1964) as torch.optim.SGD has it, with the learning rate inside: u = mu * u + lr * g; w - u. */
const momentum: OptimizerRule = {
  state: ['velocity'],
  scaled: true,
  update(g, weight, gradient, [velocity], inputs) {
    const next = decayed(g, weight, gradient, inputs, true)(1, { name: velocity!, beta: inputs.settings.momentum })
    return { weight: g.op('Sub', [weight, next]), state: [next] }
  },
}

/** Adam (Kingma and Ba 2015, algorithm 1). */
const adam: OptimizerRule = {
  state: ['mean', 'square'],
  scaled: false,
  update(g, weight, gradient, [mean, square], inputs) {
    const { beta1, beta2, epsilon } = ADAM
    const d = decayed(g, weight, gradient, inputs, false)()
    const mix = (old: string, by: number, fresh: string) =>
      g.op('Add', [g.op('Mul', [old, g.scalar(by)]), g.op('Mul', [fresh, g.scalar(1 - by)])])
    // In double precision: 1 - 0.999 loses five digits in float32.
    const double = (value: number) => g.constant('float64', [], [value])
    const step = g.op('Cast', [inputs.step], { to: elementType('float64') })
    const bias = (beta: number) => {
      const left = g.op('Sub', [double(1), g.op('Pow', [double(beta), step])])
      return g.op('Cast', [left], { to: elementType('float32') })
    }
    const m = mix(mean!, beta1, d)
    const v = mix(square!, beta2, g.op('Mul', [d, d]))
    const deviation = g.op('Sqrt', [g.op('Div', [v, bias(beta2)])])
    const direction = g.op('Div', [g.op('Div', [m, bias(beta1)]), g.op('Add', [deviation, g.scalar(epsilon)])])
    return { weight: g.op('Sub', [weight, g.op('Mul', [inputs.lr, direction])]), state: [m, v] }
  },
}

export const OPTIMIZERS = { sgd, momentum, adam } satisfies Record<OptimizerSettings['kind'], OptimizerRule>
