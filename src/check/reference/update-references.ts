import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { AccuracyExpectation } from '../../config/expectations.ts'
import { FedunifyError } from '../../errors.ts'
import { percent } from '../../format.ts'
import { holdsRun } from '../../runs/read/find-runs.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { modelName } from '../../runs/series-name.ts'
import { writeError } from '../../runs/write/growing-file.ts'
import { kindOf, writeNamed } from '../../system/files.ts'
import { seriesIn, tableFile } from '../accuracy.ts'
import { resumeAdvice } from '../advice.ts'
import { readReference, referencePlaces } from './read-reference.ts'

/** A run, and an expectation that compares it with a reference. */
export interface Compared {
  readonly run: LoadedRun
  readonly expectation: AccuracyExpectation
  /** The file that the expectation is in. */
  readonly beside: string
}

/**
 * Writes the reference CSVs that expectations name anew, from the tables of the runs that are compared with them. All are
 * looked at before the first is written.
 * @returns what changed, a line for each figure at the end
 * @throws FedunifyError (data) if a run has not finished; (usage) if several runs are compared with one reference, or the
 *   reference is a run itself
 */
export async function updateReferences(compared: readonly Compared[]): Promise<string[]> {
  const plans = new Map<string, Plan>()
  for (const one of compared) {
    const plan = await planOf(one)
    const other = plans.get(plan.file)
    if (other && other.table !== plan.table) {
      const message = `${plan.file}: ${other.table} and ${plan.table} are both compared with it`
      throw new FedunifyError('E_CONFLICT', message, 'update it from one run: name that alone')
    }
    plans.set(plan.file, plan)
  }
  if (plans.size === 0) {
    const hint =
      'only max-drop-from names a reference, for example { metric: unified, max-drop-from: REF.csv, points: 1 }'
    throw new FedunifyError('E_OPTION', '--update: none of the expectations names a reference', hint)
  }
  const lines: string[] = []
  for (const plan of plans.values()) {
    lines.push(...(await changes(plan)))
    await writeNamed(plan.file, await readFile(plan.table, 'utf8')).catch((error: unknown) => {
      throw writeError(plan.file, error)
    })
  }
  return lines
}

interface Plan extends Compared {
  readonly file: string
  /** The run's table, which becomes the reference. */
  readonly table: string
}

async function planOf(one: Compared): Promise<Plan> {
  const { run, expectation, beside } = one
  const named = expectation['max-drop-from']!
  const refuse = (code: 'E_CONFLICT' | 'E_REFERENCE', why: string, hint: string) =>
    new FedunifyError(code, `--update: ${why}`, hint)
  if (!run.finished) {
    throw refuse('E_REFERENCE', `${run.path} has not finished`, resumeAdvice(run))
  }
  const places = referencePlaces(named, beside)
  const kinds = await Promise.all(places.map(kindOf))
  const at = kinds.findIndex((kind) => kind !== 'none')
  // A new one goes where the expectation's own file would look for it.
  const file = places[at] ?? places.at(-1)!
  // Links are followed when it is written: it must not lie in a run, whatever links lead to it.
  const isRun = kinds[at] === 'folder' || (at >= 0 && (await holdsRun(dirname(await realpath(file)))))
  if (isRun) throw refuse('E_CONFLICT', `${file} is a run, not a file of its own`, 'name a CSV: max-drop-from: REF.csv')
  if (!basename(file).endsWith('.csv')) {
    throw refuse('E_CONFLICT', `${file}: a reference that is written is a CSV`, 'name one that ends with .csv')
  }
  return { ...one, file, table: tableFile(expectation, run) }
}

/** What becomes of the last figure of each series. */
async function changes({ run, expectation, file, beside, table }: Plan): Promise<string[]> {
  const before = await readReference(expectation['max-drop-from']!, expectation.metric, beside).catch(() => undefined)
  const lines = seriesIn(run, expectation).map((name) => {
    const [was, is] = [before?.series.get(name)?.at(-1), run.series.get(name)!.at(-1)!]
    const now = `${percent(is.accuracy)} % in round ${is.round}`
    if (!was) return `  ${modelName(name)}: ${now}, new`
    const points = 100 * (is.accuracy - was.accuracy)
    const by = `${points >= 0 ? '+' : ''}${points.toFixed(2)} points`
    return `  ${modelName(name)}: ${percent(was.accuracy)} % in round ${was.round} became ${now}, ${by}`
  })
  return [`${before ? 'updated' : 'wrote'} ${file} from ${table}`, ...lines]
}
