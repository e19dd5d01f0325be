import { join } from 'node:path'
import { z } from 'zod'
import { isMapping } from '../config/mapping.ts'
import { FedunifyError } from '../errors.ts'
import { VERSION } from '../package.ts'
import { readIfThere } from '../system/files.ts'
import { textOf } from '../system/text.ts'
import { manifestText } from './manifest-text.ts'
import { type Manifest, runOf } from './run-description.ts'
import type { ANALYSES } from './run-files.ts'
import { BLANK_SEAL, sealed, sealState } from './seal.ts'

/** What a command found out about a run later: a file in the run folder, of which the manifest has no hash. */
export type AnalysisFile = (typeof ANALYSES)[number]

/** Raised when a reader of such a file would have to change. */
export const ANALYSIS_FORMAT = 1

/** A table of all rules in each of ten thousand rounds has about half of it, in bytes. */
const MOST = 1e8

const SEAL_KEY = '\n  "sha256": "'

/** Of which run an analysis is. */
const sourceOf = (manifest: Manifest) => ({ run: runOf(manifest), seed: manifest.config.seed })

/** An analysis as it is written: with the run that it is of, and its own digest (docs/formats.md). */
export function analysisText(manifest: Manifest, content: object): Uint8Array {
  const whole = { format: ANALYSIS_FORMAT, fedunify: VERSION, ...sourceOf(manifest), ...content, sha256: BLANK_SEAL }
  return sealed(Buffer.from(manifestText(whole)), SEAL_KEY)
}

/** What `verify` looks at: any content. */
export const ANY_CONTENT = z.looseObject({})

/**
 * What an analysis of a run says; undefined if there is none.
 * @param content what becomes of its fields
 * @throws FedunifyError (data) if it was edited or cut short, is of another run, or of a newer format
 */
export async function readAnalysis<T>(
  dir: string,
  name: AnalysisFile,
  manifest: Manifest,
  content: z.ZodType<T>,
): Promise<T | undefined> {
  const file = join(dir, name)
  const bytes = await readIfThere(file, { most: MOST })
  if (!bytes) return undefined
  const hint = `make it again with fedunify ${name.replace('.json', '')}`
  const refuse = (why: string) => new FedunifyError('E_RUN_DAMAGED', `${file}: ${why}`, hint)
  const { format, run, seed, ...fields } = parsed(bytes)
  if (typeof format === 'number' && format > ANALYSIS_FORMAT) {
    const message = `${file}: format ${format} is newer than fedunify ${VERSION} can read (up to ${ANALYSIS_FORMAT})`
    throw new FedunifyError('E_RUN_FORMAT', message, 'use a newer version of fedunify')
  }
  if (sealState(bytes, SEAL_KEY) !== 'whole') throw refuse('it is not as it was written')
  const own = sourceOf(manifest)
  if (run !== own.run || seed !== own.seed) throw refuse('it is of another run')
  const read = content.safeParse(fields)
  if (read.success) return read.data
  const [{ path, message } = { path: [], message: '' }] = read.error.issues
  throw refuse(`${path.join('.')}: ${message}`)
}

/** An object, without fields if the file holds none. */
function parsed(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(textOf(bytes))
    return isMapping(value) ? value : {}
  } catch {
    return {}
  }
}
