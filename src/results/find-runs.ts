import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { kindOf } from '../files.ts'
import { byName, matchGlob } from '../glob.ts'

/** A run folder has one of these at least: without the manifest it is a damaged one, which must not be passed over. */
const MARKS = ['manifest.json', 'unified.csv', 'local.csv', 'events.jsonl']

/** How deep runs lie in a folder: <results>/<name>/<run>. */
const DEPTH = 2

/**
 * The run folders that are meant: one, all that lie in a folder, or those that a glob matches; sorted. Empty where
 * there is nothing of that name.
 * @throws FedunifyError (data) where a folder was named that is no run and holds none
 */
export async function findRuns(named: string): Promise<string[]> {
  const kind = await kindOf(named)
  if (kind === 'folder') {
    const runs = await runsIn(named.replace(/(?<=.)[\\/]+$/, ''), DEPTH)
    if (runs.length > 0) return runs
    throw new FedunifyError('data', `${named}: not the folder of a run, nor one with runs in it`, HINT)
  }
  if (kind === 'file') {
    if (basename(named) === 'manifest.json') return [dirname(named)]
    throw new FedunifyError('data', `${named}: a file, not the folder of a run`, HINT)
  }
  const runs = new Set<string>()
  for (const match of await matchGlob(named, { onlyFiles: false })) {
    const found = (await kindOf(match)) === 'folder' ? await runsIn(match, DEPTH) : []
    for (const run of found) runs.add(run)
    if (basename(match) === 'manifest.json') runs.add(dirname(match))
  }
  return [...runs].sort(byName)
}

const HINT = 'name the folder of a run, as `fedunify run` prints it, or of a batch'

async function runsIn(dir: string, depth: number): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true })
  if (entries.some(({ name }) => MARKS.includes(name))) return [dir]
  if (depth === 0) return []
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  const nested = await Promise.all(folders.map(({ name }) => runsIn(join(dir, name), depth - 1)))
  return nested.flat().sort(byName)
}
