import { availableParallelism } from 'node:os'
import { basename, extname, join } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { BATCH_KEYS } from './batch-schema.ts'
import { whereIs } from './origin.ts'
import { describeProblem, first } from './problem.ts'
import { type Experiment, ExperimentSchema } from './schema.ts'
import { fileSource, flagSource, overlay, type Source, setSource } from './source.ts'

export interface ExperimentRequest {
  /** Of YAML; `-` is standard input. */
  readonly file?: string | undefined
  /** The folder of a run, whose own config is taken where no file is named. */
  readonly run?: string | undefined
  /** `key=value` pairs of `--set`. */
  readonly set?: readonly string[]
  /** Flags by key of the schema. */
  readonly flags?: Readonly<Record<string, string>>
  /** Ends the waiting for a file that is a pipe. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The experiment that was asked for: defaults < file < --set < flags.
 * @throws FedunifyError (usage) naming where the wrong value stands and what would be legal
 */
export async function loadExperiment(request: ExperimentRequest): Promise<Experiment> {
  const { file, run, signal } = request
  let written: Source | undefined
  if (file !== undefined) written = await fileSource(file, { signal })
  else if (run !== undefined) written = await fileSource(join(run, 'config.yaml'), { signal, kept: true })
  return resolveExperiment(experimentSources(written, request), file)
}

/**
 * What was asked for, place by place, later ones over earlier ones.
 * @param written what the file holds, where one is named
 * @throws FedunifyError (usage)
 */
export function experimentSources(
  written: Source | undefined,
  { file, set = [], flags = {} }: ExperimentRequest,
): Source[] {
  const plural = BATCH_KEYS.find((key) => written && key in written.values)
  if (plural !== undefined) {
    const place = written!.where([plural])
    throw new FedunifyError('usage', `${place}: ${plural} makes several runs`, `run them with: fedunify batch ${file}`)
  }
  return [...(written ? [written] : []), setSource(set), flagSource(flags)]
}

/**
 * Checks what the sources give together, later ones over earlier ones, and fills in the defaults.
 * @param file whose name the experiment takes where it has none
 */
export function resolveExperiment(sources: readonly Source[], file?: string): Experiment {
  const values = sources.reduce<Record<string, unknown>>((merged, source) => overlay(merged, source.values), {})
  const parsed = ExperimentSchema.safeParse(values, { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), (path) => whereIs(sources, path))

  const experiment = parsed.data
  checkTogether(experiment, (key) => whereIs(sources, [key]))
  const owners = experiment.owners ?? (experiment.env === 'labels' ? experiment.labels!.length : 2)
  const parties = owners + (experiment.baseline === 'none' ? 0 : 1)
  return {
    ...experiment,
    name:
      experiment.name ??
      (file === undefined ? undefined : nameOf(file)) ??
      `${experiment.env}-${experiment.merge.join('-')}`,
    owners,
    workers: experiment.workers ?? Math.min(parties, availableParallelism()),
  }
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
