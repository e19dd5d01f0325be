import type { LoadedRun } from '../runs/read/load-run.ts'
import { allRuns, namedRuns } from '../runs/read/named-runs.ts'
import { type OwnerDisclosure, readDisclosure } from '../runs/read/read-disclosure.ts'
import { readEvents, type SavedEvents } from '../runs/read/read-events.ts'
import { type BySeed, groupRuns, onePerSeed, type RunGroup } from '../runs/read/run-groups.ts'
import { DISCLOSURE, EVENTS } from '../runs/tables.ts'
import { type Analyses, readAnalyses } from './analyses.ts'

/** A run with its events. */
export interface RunRecord extends LoadedRun {
  /** Those of its complete rounds, with what was evaluated in the last of them; undefined if there is no events.jsonl. */
  readonly events: SavedEvents | undefined
  /** What explain, remerge and audit found out about it. */
  readonly analyses: Analyses
  /** What left the owner that told most, by kind of message; undefined if the run did not count it. */
  readonly disclosed: OwnerDisclosure | undefined
}

/**
 * The runs that the folders or globs given name, each once.
 * @throws FedunifyError (data) if a name has no run, or a file of a run is missing, torn, edited or foreign
 */
export const readRecords = async (names: readonly string[]): Promise<RunRecord[]> =>
  await recordsOf(new Set((await namedRuns(names)).flatMap(allRuns)))

/** Runs with their events. @throws FedunifyError (data) as above */
export async function recordsOf(runs: Iterable<LoadedRun>): Promise<RunRecord[]> {
  const records: RunRecord[] = []
  for (const run of runs) {
    // A round that was under way when its run stopped may be in one file and not yet in the others.
    const read = { size: run.sizes[EVENTS], until: run.rounds, lastEvaluations: true }
    const [events, analyses] = [await readEvents(run.path, read), await readAnalyses(run)]
    records.push({ ...run, events, analyses, disclosed: await readDisclosure(run.path, run.sizes[DISCLOSURE]) })
  }
  return records
}

/** What a chapter of the report is about: the runs of one experiment, one for each seed. */
export type RecordGroup = RunGroup<RunRecord> & BySeed<RunRecord>

export function groupRecords(records: readonly RunRecord[]): RecordGroup[] {
  const groups = groupRuns(
    records,
    ({ manifest }) => manifest.config,
    ({ manifest }) => manifest.config.name,
  )
  return groups.map((group) => ({ ...group, ...onePerSeed(group.runs) }))
}
