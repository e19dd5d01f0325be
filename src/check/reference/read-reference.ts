import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { AccuracyExpectation } from '../../config/expectations.ts'
import { FedunifyError } from '../../errors.ts'
import { holdsRun } from '../../runs/read/find-runs.ts'
import { loadRun } from '../../runs/read/load-run.ts'
import { readRows } from '../../runs/read/read-tables.ts'
import { addPoint, type Point } from '../../runs/read/series.ts'
import { localSeries } from '../../runs/series-name.ts'
import { kindOf } from '../../system/files.ts'
import { tableFile } from '../accuracy.ts'
import type { Reference } from '../demand.ts'

/**
 * The CSV that `max-drop-from` names, or that of the run folder that it names.
 * @param file that the expectation is in: a relative path starts at the current folder, else at that file's
 * @throws FedunifyError (data) if there is none, or it has other columns
 */
export async function readReference(
  named: string,
  metric: AccuracyExpectation['metric'],
  file: string,
): Promise<Reference> {
  const places = referencePlaces(named, file)
  for (const place of places) {
    const kind = await kindOf(place)
    if (kind === 'none') continue
    // A table of a run folder has more to be compared with than itself, whatever links lead to it.
    const csv = kind === 'folder' ? tableFile({ metric }, { path: place }) : await realpath(place)
    const inRun = csv === tableFile({ metric }, { path: dirname(csv) }) && (await holdsRun(dirname(csv)))
    return inRun ? readRun(dirname(csv), csv) : read(csv, metric)
  }
  throw new FedunifyError(
    'E_REFERENCE',
    `max-drop-from ${named}: no such file`,
    `looked for ${[...new Set(places)].join(' and ')}`,
  )
}

/** Where a reference may lie. @param file that the expectation is in */
export const referencePlaces = (named: string, file: string): string[] =>
  isAbsolute(named) ? [named] : [named, join(dirname(file), named)]

async function readRun(dir: string, file: string): Promise<Reference> {
  const run = await loadRun(dir)
  if (run.finished) return { file, series: run.series }
  const why = `${run.manifest.status} after ${run.rounds} of ${run.manifest.config.rounds} rounds`
  throw new FedunifyError('E_REFERENCE', `${dir}: a reference must be a finished run, but this one is ${why}`)
}

/** Bytes of a table that is no run's. */
const MAX_REFERENCE = 2 ** 24

async function read(file: string, metric: AccuracyExpectation['metric']): Promise<Reference> {
  const unified = metric === 'unified'
  const [name, accuracy] = unified ? ['merge', 'accuracy'] : ['owner', 'local_accuracy']
  const rows = await readRows<Record<string, string | number | undefined>>(
    file,
    { most: MAX_REFERENCE },
    ['round', name!, accuracy!],
    { texts: unified ? [name!] : [], empty: [accuracy!] },
  )
  const series = new Map<string, Point[]>()
  for (const { line, ...row } of rows) {
    const told = row[accuracy!]
    // An owner that shares no metrics has none.
    if (told === undefined) continue
    const point = { round: Number(row.round), accuracy: Number(told), line }
    if (!(point.accuracy >= 0 && point.accuracy <= 1)) {
      throw new FedunifyError(
        'E_REFERENCE',
        `${file}:${line}: ${accuracy} is ${point.accuracy}, not a fraction`,
        'a reference has the columns and units of a run',
      )
    }
    addPoint(series, unified ? String(row[name!]) : localSeries(Number(row[name!])), point)
  }
  if (series.size === 0) {
    const none = rows.length === 0 ? 'round' : 'accuracy'
    throw new FedunifyError('E_REFERENCE', `${file}: holds no ${none}`, 'name a reference that has some')
  }
  return { file, series }
}
