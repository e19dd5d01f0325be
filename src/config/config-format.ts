import { FedunifyError } from '../errors.ts'
import { VERSION } from '../package.ts'
import { show } from './show.ts'

/** Raised when an older reader would take an experiment file for what it is not. */
export const CONFIG_FORMAT = 1

/** A kind of YAML file that people write, as messages call it. */
export interface FileKind {
  /** As in "an experiment has 100,000 bytes at most". */
  readonly one: string
  /** As in "config format 2 is newer than fedunify can read". */
  readonly name: string
  /** The newest format that is read. */
  readonly format: number
  /** A file of this kind, for hints. */
  readonly example: string
}

export const EXPERIMENT_FILE: FileKind = {
  one: 'an experiment',
  name: 'config',
  format: CONFIG_FORMAT,
  example: 'experiments/table4.yaml',
}

/** It may be in a file, and nowhere else: it says how to read the experiment, and is no part of it. */
export const FORMAT_KEY = 'format'

/** What an editor reads of a JSON file, as the first line of a YAML file; it says nothing of the experiment. */
const SCHEMA_KEY = '$schema'

/** Keys of a file that are no part of what it holds. */
export const isAboutFile = (key: string): boolean => key === FORMAT_KEY || key === SCHEMA_KEY

/**
 * A file that does not say is of format 1.
 * @throws FedunifyError (usage) if the file is of a newer format, or names what is none
 */
export function assertConfigFormat(
  values: Readonly<Record<string, unknown>>,
  where: (path: string[]) => string,
  { name, format: newest }: FileKind = EXPERIMENT_FILE,
): void {
  if (!Object.hasOwn(values, FORMAT_KEY)) return
  const format = values[FORMAT_KEY]
  const place = where([FORMAT_KEY])
  if (typeof format !== 'number' || !Number.isInteger(format) || format < 1) {
    const what = `${place}: expected format ${newest}, got ${show(format)}`
    throw new FedunifyError('E_CONFIG', what, `write format: ${newest}, or leave it out`)
  }
  if (format <= newest) return
  throw new FedunifyError(
    'E_CONFIG_FORMAT',
    `${place}: ${name} format ${format} is newer than fedunify ${VERSION} can read (up to ${newest})`,
    'use a newer version of fedunify',
  )
}
