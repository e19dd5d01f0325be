import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { ANY_CONTENT, readAnalysis } from '../analysis.ts'
import { readOwnCheckpoint } from '../checkpoint.ts'
import { manifestFile, readManifest } from '../manifest.ts'
import type { Status } from '../run-description.ts'
import { ANALYSES, CHECKPOINT, isRunFile } from '../run-files.ts'
import { EVENTS } from '../tables.ts'
import { loadTables } from './load-run.ts'
import { readEvents } from './read-events.ts'
import { compareWithMarks } from './verify.ts'

/** What is wrong in a run folder, in words. */
export interface Difference {
  /** Path of the file, or of the folder. */
  readonly file: string
  readonly message: string
  readonly hint: string | undefined
}

/** A run folder, compared with what its run left there. */
export interface Examination {
  readonly path: string
  /** Undefined if its manifest cannot be read. */
  readonly status: Status | undefined
  readonly differences: readonly Difference[]
  /** Files whose hashes are known and that are as they were. */
  readonly same: readonly string[]
  /** Files of the run that are not there, and need not be. */
  readonly lacking: readonly string[]
  /** What was found out about it later, in files that are as they were written. */
  readonly analyses: readonly string[]
  /** What lies beside the run's files and is none of its: reports, notes. */
  readonly others: readonly string[]
  /** What its hashes do not cover. */
  readonly note: string | undefined
}

/** Of a folder in which nothing could be read. */
export const NOTHING = { status: undefined, same: [], lacking: [], analyses: [], others: [], note: undefined }

/** Compares every file of a run folder with what the run left, and goes on past what differs. */
export async function examineRun(path: string): Promise<Examination> {
  const differences: Difference[] = []
  const attempt = async <T>(file: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof FedunifyError) || error.kind !== 'data') throw error
      differences.push({ file, message: error.message, hint: error.hint })
      return undefined
    }
  }
  const others = (await attempt(path, () => readdir(path)))?.filter((name) => !isRunFile(name)) ?? []
  const manifest = await attempt(manifestFile(path), () => readManifest(path))
  if (!manifest) return { path, ...NOTHING, differences, others }
  const saved = await attempt(join(path, CHECKPOINT), () => readOwnCheckpoint(path, manifest))
  const { there, same, lacking, faults } = await compareWithMarks(path, manifest, saved)
  // A checkpoint that is not whole has been told of.
  const toldOfCheckpoint = differences.some(({ file }) => file === join(path, CHECKPOINT))
  for (const { file, error } of faults) {
    if (file === CHECKPOINT && toldOfCheckpoint) continue
    differences.push({ file: join(path, file), message: error.message, hint: error.hint })
  }
  const run = differences.length === 0 ? await attempt(path, () => loadTables(path, manifest, saved, there)) : undefined
  if (run) await attempt(join(path, EVENTS), () => readEvents(path, { size: run.sizes[EVENTS], lastEvaluations: true }))
  const analyses: string[] = []
  for (const name of ANALYSES) {
    if (await attempt(join(path, name), () => readAnalysis(path, name, manifest, ANY_CONTENT))) analyses.push(name)
  }
  return { path, status: manifest.status, differences, same, lacking, analyses, others, note: run?.note }
}
