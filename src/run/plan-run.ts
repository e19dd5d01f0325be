import type { Algorithm } from '../algorithm/algorithm.ts'
import { initialWeights } from '../model/init.ts'
import type { RunPlan } from '../runs/write/run-plan.ts'
import type { Runnable } from './participants.ts'

/** What the folder of a run is made of. */
export function planRun(run: Runnable, algorithm: Algorithm): RunPlan {
  const { experiment, model, description } = run
  return {
    description,
    parameters: model.parameters,
    serverState: Object.keys(algorithm.start(initialWeights(model, experiment.seed))),
    async exportModel(weights) {
      // Not at the start of a run: the format's library is large.
      const { inferenceGraph } = await import('../engine/onnx/graph/inference-graph.ts')
      return inferenceGraph(model, experiment.normalise, weights)
    },
  }
}
