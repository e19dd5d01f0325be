import { readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { oneLine } from '../visible.ts'
import type { Candidate } from './candidate.ts'

/**
 * Folders, and files whose names match, that a path begun as `current` may mean. Hidden ones only where asked for.
 * @param pattern without it folders alone
 */
export async function listFiles(current: string, pattern?: RegExp): Promise<Candidate[]> {
  const before = current.slice(0, current.lastIndexOf('/') + 1)
  const begun = current.slice(before.length)
  const folder = before.startsWith('~/') ? join(homedir(), before.slice(2)) : before || '.'
  const entries = (await readdir(folder).catch(() => [])).sort()
  // Shells get a candidate on each line: a name with tabs or control characters would be another, several or none.
  const fitting = entries.filter(
    (name) =>
      name.startsWith(begun) &&
      (begun !== '' || !name.startsWith('.')) &&
      !name.includes('\t') &&
      name === oneLine(name),
  )
  const candidates = fitting.map(async (name): Promise<Candidate[]> => {
    const isFolder = await stat(join(folder, name)).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (isFolder) return [{ value: `${before}${name}/`, description: 'folder' }]
    return pattern?.test(name) ? [{ value: before + name, description: 'file' }] : []
  })
  return (await Promise.all(candidates)).flat()
}
