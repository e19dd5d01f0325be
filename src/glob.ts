import fastGlob from 'fast-glob'

/**
 * What a glob matches, sorted, numbers by their value. A shell hands over plain names as well as quoted globs; on
 * Windows with backslashes.
 */
export async function matchGlob(glob: string, options: fastGlob.Options = {}): Promise<string[]> {
  const pattern = fastGlob.convertPathToPattern(glob).replace(/\\([*?{}[\]!()])/g, '$1')
  return (await fastGlob(pattern, { unique: true, ...options })).sort(byName)
}

/** s2 before s10. */
export const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
