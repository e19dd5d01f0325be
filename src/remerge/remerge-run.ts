import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { noiseIn } from '../config/noise-in.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { percent } from '../format.ts'
import { choiceText, make } from '../parts.ts'
import { mergedModel } from '../run/assert-rules.ts'
import type { PreparedRun } from '../run/prepare.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import type { Weights } from '../weights/weights.ts'
import { type Method, MOST_OWNERS } from './contributions.ts'
import type { KeptRound } from './merged.ts'
import { openEvaluator } from './open-evaluator.ts'
import type { KeptRun } from './open-kept.ts'
import { type RuleScore, remergeRound } from './remerge.ts'
import { type AskedRule, evaluationsOf } from './usable-rules.ts'

export interface RemergeRequest {
  readonly rounds: readonly number[]
  readonly rules: readonly AskedRule[]
  readonly without: readonly number[]
  readonly methods: readonly Method[]
  readonly signal: AbortSignal
  /** Told of how many models were evaluated, of how many at most. */
  progress(done: number, all: number): void
}

/** A score, and the accuracy that the run itself has in unified.csv for that rule and round. */
export interface RecordedScore extends RuleScore {
  readonly recorded: number | undefined
}

/** The outcome of a remerge. */
export interface Remerged {
  /** The rule that drove the run, with whose model the others are compared. */
  readonly driver: string
  readonly without: readonly number[]
  readonly rows: readonly RecordedScore[]
  readonly notes: readonly string[]
}

/** The same, with what is needed to show it by itself. */
export interface RemergedRun extends Remerged {
  readonly path: string
}

/**
 * Scores merge rules on the kept weights of a run. Nothing is trained.
 * @param prepared the run's experiment, with its data
 * @throws FedunifyError (usage) if the data are not the run's, an owner is not there, or there are too many for Shapley's
 *   value
 */
export async function remergeRun(
  run: LoadedRun,
  kept: KeptRun,
  prepared: PreparedRun,
  { rounds, rules, without, methods, signal, progress }: RemergeRequest,
): Promise<RemergedRun> {
  const { experiment, model } = prepared
  const [driver] = experiment.merge
  const asked = { driver: driver!, rules, without, methods, model: mergedModel(model) }
  const rows: RecordedScore[] = []
  const notes = new Set<string>()
  let evaluated = 0
  const evaluator = await openEvaluator(run.manifest, prepared, signal)
  try {
    for (const round of rounds) {
      const one = await kept.read(round)
      const owners = one.owners.map(({ owner }) => owner)
      assertOwners(one, without, methods)
      const left = one.owners.filter(({ owner }) => !without.includes(owner))
      const all = rounds.length * evaluationsOf(asked, { ...one, owners: left })
      const evaluate = async (weights: Weights) => {
        const evaluation = await evaluator.evaluate(weights, owners)
        evaluated += 1
        progress(evaluated, all)
        return evaluation
      }
      const scores = await remergeRound(one, { ...asked, evaluate })
      rows.push(...scores.map((score) => ({ ...score, recorded: recordedOf(run, experiment, score, without) })))
      if (methods.includes('shapley')) notes.add(nobodyNote(one, 1 / model.classes))
    }
  } finally {
    await evaluator.close()
  }
  const told = [...evaluator.notes, ...stepNotes(experiment), ...unlikeNotes(rows, experiment), ...notes]
  return { path: run.path, driver: choiceText(driver!), without, rows, notes: told }
}

function assertOwners({ round, owners }: KeptRound, without: readonly number[], methods: readonly Method[]): void {
  const refuse = (what: string, hint: string) => new FedunifyError('E_OPTION', what, hint)
  const names = owners.map(({ owner }) => owner)
  const stranger = without.find((owner) => !names.includes(owner))
  if (stranger !== undefined) {
    throw refuse(`--without ${stranger}: round ${round} has no such owner`, `its owners are ${names.join(', ')}`)
  }
  const left = names.filter((owner) => !without.includes(owner)).length
  if (left === 0) throw refuse('--without leaves no owner to merge', 'leave out fewer')
  if (methods.includes('shapley') && left > MOST_OWNERS) {
    const what = `--shapley is for ${MOST_OWNERS} owners or fewer, round ${round} has ${left}: 2^${left} models`
    throw refuse(what, `use --contributions, which evaluates ${left} models for each rule, or leave owners out`)
  }
}

/** The run's own figure, if the rule was one of its own, and all owners are merged. */
function recordedOf(
  { unified }: LoadedRun,
  { merge }: Experiment,
  { round, rule, name }: RuleScore,
  without: readonly number[],
): number | undefined {
  if (without.length > 0 || !merge.some((choice) => choiceText(choice) === rule)) return undefined
  return unified.find((row) => row.round === round && row.merge === name)?.accuracy
}

/** What came behind the merge that drove the run, if anything did. */
function stepOf(experiment: Experiment): string | undefined {
  const { server, objective } = experiment
  const { step }: Objective = make(OBJECTIVES, objective)
  const steps = [
    ...(noiseIn(experiment) === 'merged' ? ["the server's noise"] : []),
    ...(step ? [`the server step of objective ${choiceText(objective)}`] : []),
    ...(!step && server !== 'none' ? [`the server step ${choiceText(server)}`] : []),
  ]
  return steps.length > 0 ? steps.join(' and ') : undefined
}

function stepNotes(experiment: Experiment): string[] {
  const step = stepOf(experiment)
  if (step === undefined) return []
  const driver = choiceText(experiment.merge[0]!)
  return [
    `the run made its models of ${driver} by ${step}: its own accuracy is that of these, ` +
      `and the one here is that of what ${driver} made before the step`,
  ]
}

/** Where the run has another accuracy than was measured here. */
function unlikeNotes(rows: readonly RecordedScore[], experiment: Experiment): string[] {
  const stepped = stepOf(experiment) === undefined ? undefined : choiceText(experiment.merge[0]!)
  return rows.flatMap(({ rule, round, accuracy, recorded }) =>
    accuracy === undefined || recorded === undefined || accuracy === recorded || rule === stepped
      ? []
      : [`round ${round}, ${rule}: ${percent(accuracy)} here, but the run has ${percent(recorded)} in unified.csv`],
  )
}

/** What Shapley's value counts from. */
const nobodyNote = ({ round, received }: KeptRound, chance: number): string =>
  received
    ? 'a merge of no owner counts as the model that the owners received in that round'
    : `round ${round}: owners began with weights of their own, so a merge of no owner counts as chance, ${percent(chance)}`
