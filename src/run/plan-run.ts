import { resolve } from 'node:path'
import type { State } from '../algorithm/algorithm.ts'
import { chosenHead } from '../algorithm/head/registry.ts'
import { randomUnits, widened, widenedWeights } from '../model/features.ts'
import type { RunPlan } from '../runs/write/run-plan.ts'
import { sharedPath } from '../system/shared-path.ts'
import type { Runnable } from './participants.ts'

/**
 * What the folder of a run is made of.
 * @param state with which its algorithm starts
 */
export function planRun(run: Runnable, state: State): RunPlan {
  const { experiment, model, description } = run
  const wide = widened(model, chosenHead(experiment.head)?.random ?? 0)
  let units: Float32Array | undefined
  return {
    description,
    parameters: model.parameters,
    serverState: Object.keys(state),
    data: dataFolder(run),
    async exportModel(weights) {
      // Not at the start of a run: the format's library is large.
      const { inferenceGraph } = await import('../engine/onnx/graph/inference-graph.ts')
      return inferenceGraph(model, experiment.normalise, weights)
    },
    async exportHead(weights, last) {
      const { inferenceGraph } = await import('../engine/onnx/graph/inference-graph.ts')
      units ??= randomUnits(model, wide, experiment.seed)
      const fitted = widenedWeights(wide, weights, units, last)
      return { weights: fitted, onnx: inferenceGraph(wide, experiment.normalise, fitted) }
    },
  }
}

/** The folder that was asked for; none if this machine was told to use another one in its place. */
function dataFolder({ experiment: { data }, description }: Runnable): string | undefined {
  return data !== undefined && sharedPath(data) === description.config.data ? resolve(data) : undefined
}
