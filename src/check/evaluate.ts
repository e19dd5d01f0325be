import { join } from 'node:path'
import type { AttackExpectation, Expectation } from '../config/expectations.ts'
import { hasValues } from '../config/parts/when.ts'
import { manifestFile } from '../runs/manifest.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { labelsHash } from '../runs/run-description.ts'
import { localTable, unifiedTable } from '../runs/tables.ts'
import { checkAccuracy } from './accuracy.ts'
import { resumeAdvice } from './advice.ts'
import type { Reference } from './demand.ts'
import type { Outcome } from './outcome.ts'

/**
 * Checks an expectation of what a run itself left; there is always an outcome. Pure.
 * @param reference what `max-drop-from` names
 */
export function evaluate(
  expectation: Exclude<Expectation, AttackExpectation>,
  run: LoadedRun,
  reference?: Reference,
): Outcome[] {
  switch (expectation.metric) {
    case 'participants':
      return [checkParticipants(expectation['each-round'], run)]
    case 'labels':
      return [checkLabels(expectation.owner, expectation.sha256.toLowerCase(), run)]
    default:
      return checkAccuracy(expectation, run, reference)
  }
}

/** Every run must have reached its end. */
export function checkFinished({ path, manifest, finished, rounds }: LoadedRun): Outcome {
  const { status, reason, config } = manifest
  const word = status === 'running' ? 'running, or killed' : status
  const why = reason ? `: ${reason}` : ''
  return {
    status: finished ? 'met' : 'missed',
    subject: 'run',
    expected: 'finished',
    got: finished ? `finished after ${rounds} rounds` : `${word} after ${rounds} of ${config.rounds} rounds${why}`,
    file: manifestFile(path),
    ...(!finished && { hint: resumeAdvice({ path, manifest }) }),
  }
}

/** Whether an expectation applies to this run: its `when` is a part of the run's experiment. */
export function applies({ when = {} }: Expectation, { manifest }: LoadedRun): boolean {
  return hasValues(manifest.config, when)
}

function checkParticipants(each: number, run: LoadedRun): Outcome {
  const file = join(run.path, unifiedTable.file)
  const base = { subject: 'participants in each round', expected: `${each}`, file, limit: each }
  if (run.rounds === 0) return { ...base, status: 'missed', got: 'nothing: no round is complete' }
  const row = run.unified.find(({ owners }) => owners !== each)
  if (row)
    return {
      ...base,
      status: 'missed',
      got: `${row.owners} in round ${row.round}`,
      value: row.owners,
      round: row.round,
      line: row.line,
    }
  const byRound = new Map<number, LoadedRun['local'][number][]>()
  for (const local of run.local) {
    const rows = byRound.get(local.round)
    if (rows) rows.push(local)
    else byRound.set(local.round, [local])
  }
  for (let round = 1; round <= run.rounds; round++) {
    const rows = byRound.get(round) ?? []
    if (rows.length === each) continue
    const got = `${rows.length} in round ${round}`
    const place = { file: join(run.path, localTable.file), line: rows[0]?.line }
    return { ...base, status: 'missed', got, value: rows.length, round, ...place }
  }
  return { ...base, status: 'met', got: `${each} in ${run.rounds} rounds`, value: each }
}

function checkLabels(owner: number, expected: string, { path, manifest }: LoadedRun): Outcome {
  const base = { subject: `labels of owner ${owner}`, expected, file: manifestFile(path), owner }
  const shard = manifest.shards.find((one) => one.owner === owner)
  if (!shard) return { ...base, status: 'missed', got: `nothing: the run has ${manifest.shards.length} owners` }
  // From the counts: runs of earlier versions hold no hash, and an edited hash would prove nothing.
  const got = labelsHash(shard.train_labels, shard.test_labels)
  const counts = `[${shard.train_labels.join(' ')}] train, [${shard.test_labels.join(' ')}] test`
  return got === expected ? { ...base, status: 'met', got } : { ...base, status: 'missed', got: `${got} (${counts})` }
}
