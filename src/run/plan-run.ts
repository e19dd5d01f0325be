import type { State } from '../algorithm/algorithm.ts'
import type { RunPlan } from '../runs/write/run-plan.ts'
import type { Runnable } from './participants.ts'

/**
 * What the folder of a run is made of.
 * @param state with which its algorithm starts
 */
export function planRun(run: Runnable, state: State): RunPlan {
  const { experiment, model, description } = run
  return {
    description,
    parameters: model.parameters,
    serverState: Object.keys(state),
    async exportModel(weights) {
      // Not at the start of a run: the format's library is large.
      const { inferenceGraph } = await import('../engine/onnx/graph/inference-graph.ts')
      return inferenceGraph(model, experiment.normalise, weights)
    },
  }
}
