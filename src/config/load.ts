import { availableParallelism } from 'node:os'
import { basename, extname } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { describeProblem } from './problem.ts'
import { type Experiment, ExperimentSchema } from './schema.ts'
import { fileSource, flagSource, isMapping, type Source, setSource } from './source.ts'

export interface ExperimentRequest {
  readonly file?: string | undefined
  /** `key=value` pairs of `--set`. */
  readonly set?: readonly string[]
  /** Flags by key of the schema. */
  readonly flags?: Readonly<Record<string, string>>
}

/**
 * The experiment that was asked for: defaults < file < --set < flags.
 * @throws FedunifyError (usage) naming where the wrong value stands and what would be legal
 */
export async function loadExperiment({ file, set = [], flags = {} }: ExperimentRequest): Promise<Experiment> {
  const sources = [...(file === undefined ? [] : [await fileSource(file)]), setSource(set), flagSource(flags)]
  const values = sources.reduce<Record<string, unknown>>((merged, source) => overlay(merged, source.values), {})
  const parsed = ExperimentSchema.safeParse(values, { reportInput: true })
  if (!parsed.success) throw describeProblem(parsed.error.issues[0]!, (path) => whereIs(sources, path))

  const experiment = parsed.data
  checkTogether(experiment, (key) => whereIs(sources, [key]))
  const owners = experiment.owners ?? (experiment.env === 'labels' ? experiment.labels!.length : 2)
  return {
    ...experiment,
    name:
      experiment.name ??
      (file === undefined ? undefined : nameOf(file)) ??
      `${experiment.env}-${experiment.merge.join('-')}`,
    owners,
    workers: experiment.workers ?? Math.min(owners + (experiment.baseline === 'none' ? 0 : 1), availableParallelism()),
  }
}

/** `b` over `a`; mappings are joined, everything else is replaced. */
function overlay(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const joined = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const under = joined[key]
    joined[key] = isMapping(under) && isMapping(value) ? overlay(under, value) : value
  }
  return joined
}

/** The last source that gives the value, hence the one that counts. */
function whereIs(sources: readonly Source[], path: readonly PropertyKey[]): string {
  const [key] = path
  const source = sources.findLast(({ values }) => key !== undefined && Object.hasOwn(values, key)) ?? sources[0]!
  return source.where(path)
}

function nameOf(file: string): string | undefined {
  const stem = basename(file, extname(file))
  return ExperimentSchema.shape.name.safeParse(stem).success ? stem : undefined
}

/** What no single key can tell. */
function checkTogether(experiment: ReturnType<typeof ExperimentSchema.parse>, where: (key: string) => string): void {
  const refuse = (key: string, message: string, hint: string) =>
    new FedunifyError('usage', `${where(key)}: ${message}`, hint)
  const { env, labels, alpha, owners, merge, dataset, data } = experiment
  const twice = merge.find((rule, i) => merge.indexOf(rule) !== i)
  if (twice) throw refuse('merge', `merge names ${twice} twice`, 'name each rule once; the first drives the run')
  if (env === 'labels' && !labels) {
    throw refuse(
      'env',
      'env labels needs the labels of each owner',
      'for example --set "labels=[[0,1,2,3,4],[5,6,7,8,9]]"',
    )
  }
  if (env !== 'labels' && labels) throw refuse('labels', `labels belong to env labels, not ${env}`, 'add env: labels')
  if (env === 'labels' && owners !== undefined && owners !== labels!.length) {
    throw refuse('owners', `owners is ${owners}, but labels has ${labels!.length} lists`, 'leave owners out')
  }
  if (env === 'dirichlet' && alpha === undefined) {
    throw refuse('env', 'env dirichlet needs a concentration', 'for example --alpha 0.5; smaller is more uneven')
  }
  if (env !== 'dirichlet' && alpha !== undefined) {
    throw refuse('alpha', `alpha belongs to env dirichlet, not ${env}`, 'add --env dirichlet, or leave alpha out')
  }
  if (dataset === 'idx' && data === undefined) {
    throw refuse('dataset', 'dataset idx needs a folder', 'name the one with the four files: --data DIR')
  }
}
