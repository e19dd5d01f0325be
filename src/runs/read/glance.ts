import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { sha256 } from '../../system/digest.ts'
import { readIfThere } from '../../system/files.ts'
import { readManifest } from '../manifest.ts'
import type { Manifest } from '../run-description.ts'
import { unifiedTable } from '../tables.ts'
import { unifiedSeries } from './load-run.ts'
import type { Reading } from './named-runs.ts'
import { MAX_TABLE, parseUnified } from './read-tables.ts'
import { type SeriesPoints, seriesOf } from './series.ts'

/** What a list says of a run: its manifest, and the accuracies of its unified models. */
export interface RunGlance {
  readonly path: string
  readonly manifest: Manifest
  readonly finished: boolean
  /** Complete rounds. */
  readonly rounds: number
  /** Of the merge rules and of the pooled baseline. */
  readonly series: SeriesPoints
}

/**
 * Reads two small files of a run folder. A finished run's table is verified by its hash in the manifest; the checkpoint,
 * the models and the events are not looked at.
 * @throws FedunifyError (data) if one of the two is missing, foreign, torn or edited
 */
export async function glanceAt(path: string): Promise<RunGlance> {
  const manifest = await readManifest(path)
  const { rounds, status, files } = manifest
  const finished = status === 'finished'
  const file = join(path, unifiedTable.file)
  const content = await readIfThere(file, { most: MAX_TABLE })
  if (!content && rounds > 0) throw damaged(file, 'it is missing')
  const mark = finished ? files?.[unifiedTable.file] : undefined
  if (content && mark && sha256(content) !== mark.sha256) {
    throw damaged(file, 'it was edited')
  }
  // A run that is being written may have begun a line.
  const whole = content?.subarray(0, content.lastIndexOf('\n') + 1)
  const rows = whole?.length ? parseUnified(file, whole) : []
  const done = rows.filter(({ round }) => round <= rounds)
  const series = seriesOf([], done)
  const names = rounds > 0 ? unifiedSeries(manifest) : []
  const missing = names.find((name) => !done.some(({ merge, round }) => merge === name && round === rounds))
  if (missing !== undefined) throw damaged(file, `round ${rounds} of ${missing} is missing`)
  return { path, manifest, finished, rounds, series }
}

/** Two small files each: the disk has work for several at a time. */
export const GLANCES: Reading<RunGlance> = { read: glanceAt, concurrency: 16 }

const damaged = (file: string, why: string) =>
  new FedunifyError('E_RUN_DAMAGED', `${file}: ${why}`, 'restore the file, or do the run again')
