import type { ExperimentInput } from '../config/experiment-input.ts'
import { withOwnRules } from '../config/parts/own-rules.ts'
import { resolveExperiment } from '../config/resolve.ts'
import { objectSource } from '../config/source.ts'
import type { RunEvent } from '../federation/events.ts'
import { copyWeights } from '../weights/weights.ts'
import { type Execution, execute } from './execute.ts'
import { inThisProcess } from './participants.ts'
import { prepareRun } from './prepare.ts'

export interface RunOptions extends Pick<Execution, 'signal' | 'sinks' | 'note'> {
  /** The run folder to write; it must not be there yet, but with `resume`. Without a folder nothing is written. */
  readonly folder?: string
  /** Go on with the unfinished run in `folder` after its last complete round. */
  readonly resume?: boolean
}

/**
 * Runs an experiment with all owners in this process. The run goes on when the next event is asked for; to stop reading,
 * or to abort the signal, interrupts it behind its last complete round.
 *
 *     for await (const event of runExperiment({ env: 'H', rounds: 3 }, { folder: 'results/mine' })) {
 *       if (event.type === 'round-finished') console.log(event.round, accuracy(event.merges[0].unified))
 *     }
 *
 * @param experiment what an experiment file may hold; every key may be left out
 * @throws FedunifyError with a stable `code` (docs/errors.md); the last event before it is `failed`, once the run began
 */
export async function* runExperiment(
  experiment: ExperimentInput,
  { folder, ...options }: RunOptions = {},
): AsyncGenerator<RunEvent> {
  const { signal, note } = options
  // A transfer tells many times a second how far it is: only that it begins is worth a line.
  const progress = note && ((line: string, share?: number) => share === undefined && note(line))
  const { sources, ...own } = await withOwnRules([objectSource(experiment)])
  const resolved = resolveExperiment(sources, undefined, own)
  const prepared = await prepareRun(resolved, { ...(signal && { signal }), ...(progress && { progress }) })
  // Owners in this process share all of their metrics.
  const events = execute(inThisProcess(prepared), { path: folder, ...options })
  for await (const event of events) {
    // A run makes models in the memory of earlier ones; whoever reads these may keep them.
    yield event.type === 'round-finished' ? { ...event, weights: copyWeights(event.weights) } : event
  }
}
