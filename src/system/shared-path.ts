import { basename, isAbsolute, relative } from 'node:path'

/** Whether a path leads from a folder to something in it, or to the folder itself. */
export const isWithin = (path: string): boolean => !isAbsolute(path) && !/^\.\.([\\/]|$)/.test(path)

/**
 * A path as it is in files that people share: one in the current folder is relative to that, of any other absolute
 * one the last part is left. Where things lie on a machine, and whose home that is, is nobody else's business.
 */
export function sharedPath(path: string): string {
  if (!isAbsolute(path)) return path
  const here = relative(process.cwd(), path)
  return isWithin(here) ? here || '.' : basename(path) || path
}
