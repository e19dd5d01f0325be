import type { Model } from '../../../model/model.ts'
import type { OptimizerSettings } from '../../engine.ts'
import { Graph } from './graph.ts'
import { gradientHook, gradientScale, type Hooked } from './hooks.ts'
import { plainGradient } from './layers/pass.ts'
import { OPTIMIZERS } from './optimizers.ts'
import { IR_VERSION, OPSET, stateNames, updated } from './training-graph.ts'

/** What a parameter's gradient is called where it is an input. */
export const gradientOf = (parameter: string): string => `gradient.${parameter}`

/**
 * One update by a gradient that is given, with the terms of the gradient's hook and weight decay after it.
 *
 * Inputs: lr float32 [] · step float32 [] (the number of this update, from 1) · every parameter and its state under its
 * own name · `gradient.NAME` · those of the gradient's hook. Outputs: every parameter and its state as `new.NAME`.
 */
export function givenStepGraph(model: Model, settings: OptimizerSettings, hooked: Hooked): Uint8Array {
  const rule = OPTIMIZERS[settings.kind]
  const g = new Graph('given_step')
  g.input('lr', 'float32', [])
  g.input('step', 'float32', [])
  const scaledBy = rule.scaled ? 'lr' : undefined
  const scale = gradientScale(g, hooked, scaledBy)
  const hook = gradientHook(g, g, new Map(), hooked, scaledBy)
  for (const parameter of model.parameters) {
    const { name, shape } = parameter
    const tensors = [name, ...stateNames(settings, name)]
    for (const input of [...tensors, gradientOf(name)]) g.input(input, 'float32', shape)
    const own = scale === undefined ? gradientOf(name) : g.op('Mul', [gradientOf(name), scale])
    const gradient = hook(parameter, name, plainGradient(g, own))
    const next = rule.update(g, name, gradient, tensors.slice(1), { step: 'step', lr: 'lr', settings })
    for (const [i, value] of [next.weight, ...next.state].entries()) {
      g.op('Identity', [value], {}, [updated(tensors[i]!)])
      g.output(updated(tensors[i]!), 'float32', shape)
    }
  }
  return g.model(OPSET, IR_VERSION)
}
