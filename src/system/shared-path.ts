import { basename, isAbsolute, relative, sep } from 'node:path'

/**
 * A path as it is in files that people share: one in the current folder is relative to that, of any other absolute
 * one the last part is left. Where things lie on a machine, and whose home that is, is nobody else's business.
 */
export function sharedPath(path: string): string {
  if (!isAbsolute(path)) return path
  const here = relative(process.cwd(), path)
  const within = !isAbsolute(here) && here !== '..' && !here.startsWith(`..${sep}`)
  return within ? here || '.' : basename(path) || path
}
