import { FedunifyError } from '../errors.ts'
import { VERSION } from '../package.ts'
import { show } from './show.ts'

/** Raised when an older reader would take an experiment file for what it is not. */
export const CONFIG_FORMAT = 1

/** It may stand in a file, and nowhere else: it says how to read the experiment, and is no part of it. */
export const FORMAT_KEY = 'format'

/**
 * A file that does not say is of format 1.
 * @throws FedunifyError (usage) if the file is of a newer format, or names what is none
 */
export function assertConfigFormat(values: Readonly<Record<string, unknown>>, where: (path: string[]) => string): void {
  if (!Object.hasOwn(values, FORMAT_KEY)) return
  const format = values[FORMAT_KEY]
  const place = where([FORMAT_KEY])
  if (typeof format !== 'number' || !Number.isInteger(format) || format < 1) {
    const what = `${place}: expected format ${CONFIG_FORMAT}, got ${show(format)}`
    throw new FedunifyError('E_CONFIG', what, `write format: ${CONFIG_FORMAT}, or leave it out`)
  }
  if (format <= CONFIG_FORMAT) return
  throw new FedunifyError(
    'E_CONFIG_FORMAT',
    `${place}: config format ${format} is newer than fedunify ${VERSION} can read (up to ${CONFIG_FORMAT})`,
    'use a newer version of fedunify',
  )
}
