import fastGlob from 'fast-glob'
import { FedunifyError, messageOf } from '../errors.ts'

/** A glob that matches more than this was not meant. */
const MOST_MATCHES = 50_000

/**
 * What a glob matches, sorted, numbers by their value. A shell hands over plain names as well as quoted globs; on
 * Windows with backslashes.
 * @throws FedunifyError (data) where a folder below it cannot be read, or it matches very much
 */
export async function matchGlob(glob: string, options: fastGlob.Options = {}): Promise<string[]> {
  const pattern = fastGlob.convertPathToPattern(glob).replace(/\\([*?{}[\]!()])/g, '$1')
  const found: string[] = []
  try {
    for await (const match of fastGlob.stream(pattern, { unique: true, ...options })) {
      if (found.push(String(match)) > MOST_MATCHES) throw tooMany(glob)
    }
  } catch (error) {
    if (error instanceof FedunifyError) throw error
    throw new FedunifyError('E_FILE_UNREADABLE', `${glob}: ${messageOf(error)}`, 'name what is meant more closely', {
      cause: error,
    })
  }
  return found.sort(byName)
}

const tooMany = (glob: string) =>
  new FedunifyError('E_OPTION', `${glob}: matches more than ${MOST_MATCHES} files`, 'name what is meant more closely')

/** s2 before s10. */
export const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
