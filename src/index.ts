/**
 * fedunify as a library: the same runs as on the command line, with the experiment as an object and its events as an
 * async iterable.
 *
 * @packageDocumentation
 */

export { MERGE_RULES as mergeRules } from './algorithm/merge/registry.ts'
export type {
  MergedModel,
  MergedRound,
  MergeRule,
  MergeTensor,
  ModelLook,
  OwnerFacts,
  OwnerWeights,
  TensorFacts,
  Use,
} from './algorithm/merge/rule.ts'
export { mergeModels } from './algorithm/merge-models.ts'
export { OBJECTIVES as objectives } from './algorithm/objective/registry.ts'
export { SERVER_STEPS as serverSteps } from './algorithm/server/registry.ts'
export type { ExperimentInput } from './config/experiment-input.ts'
export type { Experiment } from './config/schema.ts'
export { DATASETS as datasets } from './data/load-dataset.ts'
export { PARTITIONS as partitions } from './data/partition/registry.ts'
export { accuracy, addEvaluations, type Evaluation, meanLoss } from './engine/engine.ts'
export { OPTIMIZERS as optimizers } from './engine/optimizer-registry.ts'
export { ERRORS as errors, type ErrorCode, type ErrorKind, type ErrorPlace, FedunifyError } from './errors.ts'
export type { OwnerProgress } from './federation/cohort.ts'
export type { Failed, Finished, OwnerTrained, RoundFinished, RunEvent, Scored, Started } from './federation/events.ts'
export { SCHEDULES as schedules } from './federation/schedule.ts'
export type { Traffic } from './federation/traffic.ts'
export { PRESETS as presets } from './model/presets.ts'
export { VERSION as version } from './package.ts'
export type { Part } from './parts.ts'
export { type RunOptions, runExperiment } from './run/run-experiment.ts'
export type { Sink } from './run/sinks.ts'
export { type LoadedRun, loadRun as readRun } from './runs/read/load-run.ts'
export { readModel } from './runs/read/read-model.ts'
export type { Point, SeriesPoints } from './runs/read/series.ts'
export type { Manifest } from './runs/run-description.ts'
export { decodeSafetensors, encodeSafetensors } from './weights/safetensors.ts'
export type { Tensor, Weights } from './weights/weights.ts'
