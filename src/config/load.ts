import { join } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { BATCH_KEYS } from './batch-schema.ts'
import { choose, chosenRuns } from './choose-run.ts'
import { omit } from './mapping.ts'
import { withOwnRules } from './parts/own-rules.ts'
import { resolveExperiment } from './resolve.ts'
import type { Experiment } from './schema.ts'
import { fileSource, flagSource, type Source, setSource } from './source.ts'

export interface ExperimentRequest {
  /** Of YAML; `-` is standard input. */
  readonly file?: string | undefined
  /** The folder of a run, whose own config is taken if no file is named. */
  readonly run?: string | undefined
  /** `key=value` pairs of `--set`. */
  readonly set?: readonly string[]
  /** Flags by key of the schema. */
  readonly flags?: Readonly<Record<string, string>>
  /** How the command begins that asks, for hints; default: `fedunify run`. */
  readonly command?: string
  /** Ends the waiting for a file that is a pipe. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The experiment that was asked for: defaults < file < --set < flags. Of a file that makes several runs, it is the one
 * that --set and flags choose.
 * @throws FedunifyError (usage) naming where the wrong value stands and what would be legal, or what is to be chosen
 */
export async function loadExperiment(request: ExperimentRequest): Promise<Experiment> {
  const { file, run, set = [], flags = {}, command = 'fedunify run', signal } = request
  let written: Source | undefined
  if (file !== undefined) written = await fileSource(file, { signal })
  else if (run !== undefined) written = await fileSource(join(run, 'config.yaml'), { signal, kept: true })
  if (written && file !== undefined && makesSeveral(written)) {
    return choose(await chosenRuns(written, file, { set, flags }), { file, set, flags, command })
  }
  const { sources, ...own } = await withOwnRules(experimentSources(written, { set, flags }))
  return resolveExperiment(sources, file, own)
}

/** Whether a file defines several runs: it has a matrix, or seeds. */
export const makesSeveral = ({ values }: Source): boolean => BATCH_KEYS.some((key) => key in values)

/**
 * What was asked for, place by place, later ones over earlier ones.
 * @param written what the file holds, if one is named
 * @throws FedunifyError (usage)
 */
export function experimentSources(
  written: Source | undefined,
  { set = [], flags = {} }: Pick<ExperimentRequest, 'set' | 'flags'>,
): Source[] {
  const given = [setSource(set), flagSource(flags)]
  for (const key of BATCH_KEYS) {
    const source = given.findLast(({ values }) => Object.hasOwn(values, key))
    if (source?.values[key] === undefined) continue
    const message = `${source.where([key])}: ${key} asks for several runs`
    throw new FedunifyError('E_SEVERAL_RUNS', message, 'fedunify run and fedunify batch do that')
  }
  return [
    ...(written ? [written] : []),
    ...given.map((source) => ({ ...source, values: omit(source.values, (key) => BATCH_KEYS.includes(key)) })),
  ]
}

/** Whether a command line itself asks for several runs: by --seeds, or by several values of a key. */
export const asksForSeveral = ({ set = [], flags = {} }: Pick<ExperimentRequest, 'set' | 'flags'>): boolean =>
  [setSource(set), flagSource(flags)].some(({ values }) => BATCH_KEYS.some((key) => values[key] !== undefined))
