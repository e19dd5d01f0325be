import { addEvaluations, type Evaluation } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { inThisProcess } from '../run/participants.ts'
import type { PreparedRun } from '../run/prepare.ts'
import { type Manifest, OWNERS_DATA, type RunDescription, withoutMetrics } from '../runs/run-description.ts'
import type { Weights } from '../weights/weights.ts'

/** Evaluates models as the run did. */
export interface Evaluator {
  /** A model on the union of the test sets of those of the owners that shared their metrics. */
  evaluate(model: Weights, owners: readonly number[]): Promise<Evaluation>
  /** Why figures may be others than those of the run. */
  readonly notes: readonly string[]
  close(): Promise<void>
}

/**
 * @param prepared the run's experiment, with its data
 * @throws FedunifyError (usage) if the data or their shards are not those of the run, or no owner shared its metrics
 */
export async function openEvaluator(
  manifest: Manifest,
  prepared: PreparedRun,
  signal: AbortSignal,
): Promise<Evaluator> {
  const run = inThisProcess(prepared)
  assertSameData(manifest, run.description)
  const silent = withoutMetrics(manifest.shards)
  if (silent.length === manifest.shards.length) {
    throw new FedunifyError('E_CONFLICT', 'no owner of the run shared its metrics: there are no accuracies to compare')
  }
  const { owners: cohort, close } = await run.open(signal)
  return {
    async evaluate(model, owners) {
      signal.throwIfAborted()
      const all = await cohort.evaluate(await cohort.publish(model), signal)
      const counted = [...all].filter(([owner]) => owners.includes(owner) && !silent.includes(owner))
      return addEvaluations(counted.map(([, evaluation]) => evaluation))
    },
    notes: otherEngine(manifest, run.description),
    close,
  }
}

export function assertSameData({ dataset, shards }: Manifest, here: RunDescription): void {
  const hashes = ({ sha256 }: RunDescription['dataset']) => JSON.stringify(Object.entries(sha256).sort())
  const other = shards.find(({ sha256 }, i) => sha256 !== here.shards[i]?.sha256)
  const same = hashes(dataset) === hashes(here.dataset)
  if (same && !other && shards.length === here.shards.length) return
  const what = same ? `the shard of owner ${other?.owner ?? here.shards.length} is not that` : 'the dataset is not that'
  const hint =
    dataset.source === OWNERS_DATA
      ? 'its data are at its owners: models can be evaluated only where all of these are, with --data DIR'
      : 'name the folder of its dataset with --data DIR'
  throw new FedunifyError('E_RUN_DIFFERS', `${what} of the run`, hint)
}

function otherEngine({ engine: was }: Manifest, { engine: is }: RunDescription): string[] {
  const text = ({ name, device, version }: Manifest['engine']) => `${name} on ${device}, ${version}`
  if (text(was) === text(is)) return []
  return [`evaluated with ${text(is)}; the run used ${text(was)}, so last digits may differ`]
}
