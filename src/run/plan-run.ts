import type { Algorithm } from '../algorithm/algorithm.ts'
import { initialWeights } from '../model/init.ts'
import type { RunPlan } from '../runs/write/run-plan.ts'
import { describeRun } from './describe.ts'
import type { PreparedRun } from './prepare.ts'

/** What the folder of a prepared run is made of. */
export function planRun(run: PreparedRun, algorithm: Algorithm): RunPlan {
  const { experiment, model } = run
  return {
    description: describeRun(run),
    parameters: model.parameters,
    serverState: Object.keys(algorithm.start(initialWeights(model, experiment.seed))),
    async exportModel(weights) {
      // Not at the start of a run: the format's library is large.
      const { inferenceGraph } = await import('../engine/onnx/graph/inference-graph.ts')
      return inferenceGraph(model, experiment.normalise, weights)
    },
  }
}
