import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { z } from 'zod'
import { FedunifyError, messageOf } from '../errors.ts'
import { type AnalysisFile, analysisText, readAnalysis } from '../runs/analysis.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { putFile, writeError } from '../runs/write/growing-file.ts'
import { oneLine } from '../visible.ts'
import type { Io } from './io.ts'
import { tellReport } from './tell-report.ts'

export interface SaveFlags {
  /** Whether what is found is kept in the run folder. */
  readonly save: boolean
  readonly quiet?: true
}

export const addSaveOption = (command: Command): Command =>
  command.option('--no-save', 'write nothing into the run folder: neither what is found, nor report.html')

/** Keeps what a command finds out about a run in its folder, and makes the run's page anew. */
export interface Saving {
  /** What is there from before; undefined if there is nothing, or, with a note, nothing that can be used. */
  known<T>(content: z.ZodType<T>): Promise<T | undefined>
  save(content: object): Promise<void>
}

/**
 * @returns undefined if nothing is to be saved
 * @throws FedunifyError (usage) if nothing can be written there: it is said before minutes are spent
 */
export async function openSaving(
  run: LoadedRun,
  name: AnalysisFile,
  { save, quiet }: SaveFlags,
  io: Io,
): Promise<Saving | undefined> {
  if (!save) return undefined
  const { path, manifest } = run
  const file = join(path, name)
  const note = (line: string) => io.err(quiet ? '' : `${line}\n`)
  const refuse = (cause: unknown) => {
    const error = cause instanceof FedunifyError ? cause : writeError(file, cause)
    if (error.code !== 'E_FILE_UNWRITABLE') return error
    return new FedunifyError(error.code, error.message, 'leave the run folder as it is: --no-save', { cause })
  }
  await access(path, constants.W_OK).catch((error: unknown) => {
    throw refuse(error)
  })
  return {
    known: (content) =>
      readAnalysis(path, name, manifest, content).catch((error: unknown) => {
        note(`note: what was there is replaced: ${oneLine(messageOf(error))}`)
        return undefined
      }),
    async save(content) {
      await putFile(file, analysisText(manifest, content)).catch((error: unknown) => {
        throw refuse(error)
      })
      note(`saved: ${oneLine(file)}`)
      await tellReport(path, async () => run, note)
    },
  }
}
