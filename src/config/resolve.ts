import { availableParallelism } from 'node:os'
import { basename, extname } from 'node:path'
import type { z } from 'zod'
import { ATTACKS } from '../algorithm/attack/registry.ts'
import type { MergeChoice } from '../algorithm/merge/own-rule.ts'
import type { ObjectivePart } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import type { Unsound } from '../algorithm/objective/setting.ts'
import { datasetOf } from '../data/load-dataset.ts'
import { partitionOf } from '../data/partition/registry.ts'
import { FedunifyError } from '../errors.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import { isEvaluated, lastRound } from '../federation/schedule.ts'
import { type AnyChoice, make, nameOf, optionsOf } from '../parts.ts'
import { assertMergeNames } from './expectations.ts'
import { unsoundParticipants, withParticipants } from './participation.ts'
import { ownChoice } from './parts/own-choice.ts'
import type { WithOwnRules } from './parts/own-rules.ts'
import { unsoundPrivacy } from './privacy.ts'
import { describeProblem, first } from './problem.ts'
import { STDIN } from './read.ts'
import { type Experiment, ExperimentSchema } from './schema.ts'
import { type Settled, settle } from './settle.ts'
import type { Source } from './source.ts'
import { unsoundPace } from './unsound-pace.ts'
import { REGISTRIES } from './vocabulary.ts'
import { assertWhen } from './when-keys.ts'

const NO_RULES = { vocabulary: REGISTRIES, rules: new Map() }

/**
 * Checks what the sources give together, later ones over earlier ones, and fills in the defaults.
 * @param file whose name the experiment takes where it has none
 * @param own rules of the user's own that sources name
 */
export function resolveExperiment(
  sources: readonly Source[],
  file?: string,
  { vocabulary, rules }: Pick<WithOwnRules, 'vocabulary' | 'rules'> = NO_RULES,
): Experiment {
  const settled = settle(sources, vocabulary.choices)
  const where = (path: readonly PropertyKey[]) => settled.origin(path)?.place ?? sources[0]!.where(path)
  const parsed = vocabulary.schema.safeParse(settled.values, { reportInput: true })
  if (!parsed.success) {
    throw describeProblem(first(parsed.error.issues), where, (path) => settled.origin(path)?.key, vocabulary)
  }
  const one = withOneLength(parsed.data, settled, where)
  const merge = one.merge.map((choice, i): MergeChoice => {
    const rule = rules.get(nameOf<AnyChoice>(choice))
    return rule ? ownChoice(choice, rule, where(['merge', i])) : choice
  })
  const owners = one.owners ?? partitionOf(one.env).owners ?? 2
  const experiment = withParticipants({ ...one, merge, owners })
  checkTogether(experiment, (key) => where([key]))
  const ruleNames = Object.keys(vocabulary.choices.merge!.parts)
  const expected = experiment.expect ?? []
  assertMergeNames(expected, ruleNames, (i) => where(['expect', i, 'merge']))
  for (const [i, one] of expected.entries()) assertWhen(one, (key) => where(['expect', i, 'when', key]))
  const parties = trainingOwners(experiment) + (experiment.baseline === 'none' ? 0 : 1)
  // Without these it is as before there were any.
  const { head, pace, attack, ...others } = experiment
  return {
    ...others,
    ...(head && nameOf(head) !== 'none' && { head }),
    ...(attack && nameOf(attack) !== 'none' && { attack }),
    ...(pace && nameOf(pace) !== 'sync' && { pace }),
    name:
      experiment.name ??
      (file === undefined ? undefined : nameFrom(file)) ??
      `${nameOf(experiment.env)}-${experiment.merge.map(nameOf).join('-')}`,
    workers: experiment.workers ?? Math.min(parties, availableParallelism()),
  }
}

type Parsed = z.output<typeof ExperimentSchema>

/** An experiment before what follows from the rest is filled in. */
type Unnamed = Omit<Experiment, 'name' | 'workers'> & Pick<Parsed, 'name' | 'workers'>

/**
 * The name of a file as that of a folder: what a name cannot have becomes a dash, accents go.
 * @throws FedunifyError (usage) if nothing is left of it
 */
function nameFrom(file: string): string | undefined {
  if (file === STDIN) return undefined
  const stem = basename(file, extname(file)).normalize('NFKD').replace(/\p{M}/gu, '')
  const name = stem.replace(/[^\w.]+/g, '-').replace(/^[.-]+|-+$/g, '')
  if (ExperimentSchema.shape.name.safeParse(name).success) return name
  throw new FedunifyError(
    'E_CONFIG_FILE',
    `${file}: no folder can be named after it`,
    'give the experiment a name, for example name: my-study',
  )
}

/**
 * How long an owner trains in a round is said in one way: by epochs, or by an accuracy and at most so many epochs.
 * @throws FedunifyError (usage) if a key of the other way was given too
 */
function withOneLength(
  experiment: Parsed,
  { values }: Settled,
  where: (path: readonly string[]) => string,
): Omit<Unnamed, 'owners'> & Pick<Parsed, 'owners'> {
  const byAccuracy = experiment['until-local-accuracy'] !== undefined
  const idle = byAccuracy ? 'local-epochs' : 'max-local-epochs'
  const { [idle]: _, ...rest } = experiment
  if (values[idle] === undefined) return rest
  const [message, hint] = byAccuracy
    ? ['local-epochs is given beside until-local-accuracy', 'limit the epochs with max-local-epochs, or remove one']
    : ['max-local-epochs is given without until-local-accuracy', 'use local-epochs, or add until-local-accuracy']
  throw new FedunifyError('E_CONFLICT', `${where([idle])}: ${message}`, hint)
}

/** What no single key can tell. */
function checkTogether(experiment: Unnamed, where: (key: string) => string): void {
  const refuse = (key: string, message: string, hint: string) =>
    new FedunifyError('E_CONFLICT', `${where(key)}: ${message}`, hint)
  const { env, owners, merge, dataset, data, attack } = experiment
  const rules = merge.map(nameOf)
  const twice = rules.find((rule, i) => rules.indexOf(rule) !== i)
  if (twice) throw refuse('merge', `merge names ${twice} twice`, 'name each rule once; the first drives the run')
  const { owners: needed } = partitionOf(env)
  if (needed !== undefined && owners !== needed) {
    throw refuse('owners', `owners is ${owners}, but env ${nameOf(env)} is for ${needed}`, 'leave owners out')
  }
  if (datasetOf(dataset).needsFolder && data === undefined) {
    throw refuse('dataset', `dataset ${nameOf(dataset)} needs a folder`, 'name the one with the four files: --data DIR')
  }
  if (experiment['keep-every'] !== undefined && experiment.keep === undefined) {
    throw refuse('keep-every', 'keep-every is given without keep', 'add keep: owners, or leave out keep-every')
  }
  const hostile = attack && make(ATTACKS, attack)?.owners
  if (hostile !== undefined && hostile >= owners) {
    const why = `attack ${nameOf(attack!)}: ${hostile} of ${owners} owners are hostile, which leaves no honest one`
    throw refuse('attack', why, 'use fewer hostile owners, or more owners')
  }
  const unsound = unsoundObjective(experiment)
  if (unsound) throw refuse('objective', `objective ${nameOf(experiment.objective)} ${unsound.why}`, unsound.hint)
  for (const one of [unsoundPace(experiment), unsoundParticipants(experiment), unsoundPrivacy(experiment)]) {
    if (one) throw refuse(one.key, one.why, one.hint)
  }
  const { rounds, 'evaluate-every': every = 1 } = experiment
  const last = lastRound(experiment)
  if (!isEvaluated(experiment, last)) {
    const evaluated = Math.min(rounds, Math.max(every, last - (last % every)))
    const why = `stop-after is ${last}, but with evaluate-every ${every} that round is not evaluated`
    throw refuse('stop-after', why, `stop after round ${evaluated}, or leave out evaluate-every`)
  }
}

function unsoundObjective({ objective, optimizer, init, server, merge }: Unnamed): Unsound | undefined {
  const part: ObjectivePart = OBJECTIVES[nameOf(objective)]
  const [driving] = merge.map((choice) => nameOf<AnyChoice>(choice)) as [string, ...string[]]
  const setting = { optimizer: nameOf(optimizer), init, server: nameOf(server), merge: driving }
  return part.check?.(setting, optionsOf(objective))
}
