import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { kindOf } from '../../system/files.ts'
import { byName, matchGlob } from '../../system/glob.ts'
import { isPointer, runPath } from '../latest.ts'
import { CHECKPOINT, MANIFEST } from '../run-files.ts'
import { EVENTS, localTable, paperTable, unifiedTable } from '../tables.ts'

/** A run folder has at least one of these: without the manifest it is a damaged one, which must not be passed over. */
const MARKS = [MANIFEST, CHECKPOINT, unifiedTable.file, localTable.file, paperTable.file, EVENTS]

/** Whether a folder holds more of a run than a table that somebody may have copied. */
export const holdsRun = async (dir: string): Promise<boolean> =>
  (await readdir(dir)).some((name) => [MANIFEST, CHECKPOINT, EVENTS].includes(name))

/** A folder that holds more folders than this cannot have been meant. */
const MAX_FOLDERS = 20_000

/**
 * The run folders that are meant: one, all that lie in a folder, or those that a glob matches; sorted. Links are
 * followed. Empty if there is nothing of that name.
 * @param given `latest` means the last run
 * @param unseen gets an error for each place that cannot be looked into: a run may be there, which must not be passed
 *   over
 * @throws FedunifyError (data) if a folder was named that is no run and holds none
 */
export async function findRuns(given: string, unseen: (error: FedunifyError) => void): Promise<string[]> {
  const named = await runPath(given)
  const kind = await kindOf(named)
  const search = new Search(unseen)
  if (kind === 'folder') {
    await search.enter(await plainName(named.replace(/(?<=.)[\\/]+$/, '')))
    if (search.runs.size > 0 || search.blind) return search.found()
    throw new FedunifyError('E_RUN_NOT_FOUND', `${named}: not the folder of a run, nor one with runs in it`, NAME_HINT)
  }
  if (kind === 'file') {
    if (basename(named) === MANIFEST) return [await plainName(dirname(named))]
    throw new FedunifyError('E_RUN_NOT_FOUND', `${named}: a file, not the folder of a run`, NAME_HINT)
  }
  // A glob of manifests means their folders: it would pass over a run that has lost its manifest.
  const [, folder = '', pattern = ''] = /^((?:[^*?{}[\]()!]*[\\/])?)(.*)$/s.exec(named)!
  const base = folder && `${(await plainName(folder)).replace(/[\\/]+$/, '')}/`
  const glob = `${base}${pattern}`.replace(/(?<=.)[\\/]manifest\.json$/, '')
  for (const match of await matchGlob(glob, { onlyFiles: false })) {
    if ((await isPointer(match)) || !(await search.isFolder(match))) continue
    await search.enter(await plainName(match))
  }
  return search.found()
}

export const NAME_HINT = 'name the folder of a run, as `fedunify run` prints it, or of a batch'

/**
 * A path of which every prefix means what it says: "link/.." is not the folder that holds the link, but that which holds
 * what the link leads to, and would be made the former when a name is joined to it.
 */
async function plainName(path: string): Promise<string> {
  if (!path.split(/[\\/]/).includes('..')) return path
  const [real, joined] = await Promise.all([path, normalize(path)].map((one) => realpath(one).catch(() => undefined)))
  return real === undefined || real === joined ? path : real
}

class Search {
  readonly runs = new Set<string>()
  /** Whether a place could not be looked into. */
  blind = false
  readonly #unseen: (error: FedunifyError) => void
  /** Folders by their own names, whatever links lead to them: each is looked into once. */
  readonly #entered = new Set<string>()

  constructor(unseen: (error: FedunifyError) => void) {
    this.#unseen = unseen
  }

  found(): string[] {
    return [...this.runs].sort(byName)
  }

  async enter(dir: string): Promise<void> {
    const real = await this.#try(dir, () => realpath(dir))
    if (real === undefined || this.#entered.has(real)) return
    this.#entered.add(real)
    if (this.#entered.size > MAX_FOLDERS) {
      throw new FedunifyError('E_RUN_NOT_FOUND', `${dir}: more than ${MAX_FOLDERS} folders to look through`, NAME_HINT)
    }
    const entries = await this.#try(dir, () => readdir(dir, { withFileTypes: true }))
    if (!entries) return
    if (entries.some(({ name }) => MARKS.includes(name))) this.runs.add(dir)
    // What npm installed, a repository's own, and folders of runs that are being made.
    if (entries.some(({ name }) => name === '.package-lock.json')) return
    const seen = entries.filter(({ name }) => name !== '.git' && !/^\..*\.[0-9a-f]{12}\.tmp$/.test(name))
    // Links last: a run that is there under its own name goes by that.
    for (const entry of seen) if (entry.isDirectory()) await this.enter(join(dir, entry.name))
    for (const entry of seen.filter((one) => one.isSymbolicLink())) {
      const path = join(dir, entry.name)
      if (!(await isPointer(path)) && (await this.isFolder(path))) await this.enter(path)
    }
  }

  async isFolder(path: string): Promise<boolean> {
    return (await this.#try(path, () => stat(path)))?.isDirectory() ?? false
  }

  async #try<T>(path: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look()
    } catch (error) {
      this.blind = true
      const why = systemCodeOf(error) === 'ENOENT' ? 'a link that leads nowhere' : reasonOf(error)
      this.#unseen(new FedunifyError('E_FILE_UNREADABLE', `${path}: cannot be read: ${why}`, OPEN, { cause: error }))
      return undefined
    }
  }
}

const OPEN = 'it may contain a run: make it readable, or name the runs explicitly'

/** The system's words without the path, which is said already. */
const reasonOf = (error: unknown) => messageOf(error).replace(/, \w+ '.*$/s, '')
