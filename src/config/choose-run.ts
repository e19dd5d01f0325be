import { FedunifyError } from '../errors.ts'
import { shellWord } from '../system/shell-word.ts'
import { oneLine } from '../visible.ts'
import { choiceLabel, expand, type PlannedRun } from './expand.ts'
import { configHash } from './hash.ts'
import { omit } from './mapping.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import { fileName } from './read.ts'
import type { Experiment } from './schema.ts'
import { flagSource, type Source, setSource } from './source.ts'

/** What chooses among the runs of a file. */
interface Chosen {
  readonly set?: readonly string[]
  readonly flags?: Readonly<Record<string, string>>
}

/** Values of a key that a message lists. */
const MOST_VALUES = 8

/**
 * The runs of a file that --set and flags leave. A seed that is given is the seed, not the first of several.
 * @throws FedunifyError (usage) as `expand` does
 */
export async function chosenRuns(
  written: Source | undefined,
  file: string | undefined,
  { set = [], flags = {} }: Chosen,
  options: { readonly load?: boolean } = {},
): Promise<PlannedRun[]> {
  const oneSeed = [setSource(set), flagSource(flags)].some(({ values }) => values.seed !== undefined)
  const counted = written && oneSeed ? { ...written, values: omit(written.values, (key) => key === 'seeds') } : written
  return await expand(counted, file, set, { ...options, flags })
}

/**
 * The one run that is left.
 * @param command how the command begins that needs one run
 * @throws FedunifyError (usage) if several are left, with what they differ in and a command that chooses one
 */
export function choose(
  runs: readonly PlannedRun[],
  { file, set = [], flags = {}, command }: Chosen & { readonly file: string; readonly command: string },
): Experiment {
  const [first] = runs
  const differing = new Map(runs.map((run) => [configHash(run.experiment), run]))
  if (differing.size === 1) return first!.experiment
  // A key that has nothing to do in a run is not of its cell.
  const varying = [...new Set(runs.flatMap(({ cell }) => Object.keys(cell)))]
    .map((key) => ({ key, cells: runs.filter(({ cell }) => Object.hasOwn(cell, key)) }))
    .map(({ key, cells }) => ({ key, values: [...new Set(cells.map(({ cell }) => written(key, cell[key])))] }))
    .filter(({ values }) => values.length > 1)
  const lists = varying.map(({ key, values }) => {
    const more = values.length - MOST_VALUES
    return `  ${key}: ${values.slice(0, MOST_VALUES).join(' | ')}${more > 0 ? ` | … ${more} more` : ''}`
  })
  const given = [
    ...set.flatMap((pair) => ['--set', pair]),
    ...Object.entries(flags).flatMap(([key, value]) => [`--${key}`, value]),
  ]
  const chosen = varying
    .filter(({ key }) => Object.hasOwn(first!.cell, key))
    .flatMap(({ key }) => ['--set', `${key}=${written(key, first!.cell[key])}`])
  const words = [file, ...given, ...chosen].map((word) => oneLine(shellWord(word)))
  throw new FedunifyError('E_SEVERAL_RUNS', `${fileName(file)}: makes ${differing.size} runs: choose one`, [
    'they differ in:',
    ...lists,
    `for example: ${command} ${words.join(' ')}`,
    `or run all: fedunify batch ${oneLine(shellWord(file))}`,
  ])
}

/** A value as --set takes it. */
function written(key: string, value: unknown): string {
  const labels = key in CHOICE_KEYS ? [choiceLabel(value)].flat() : [value]
  return labels.map((label) => (typeof label === 'string' ? label : JSON.stringify(label))).join(',')
}
