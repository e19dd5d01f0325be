import { randomBytes } from 'node:crypto'
import { type FileHandle, link, lstat, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FedunifyError, systemCodeOf } from '../../errors.ts'
import { renameFile } from '../../system/files.ts'
import { flush } from '../../system/flush.ts'
import { shellWord } from '../../system/shell-word.ts'
import { writeError } from './growing-file.ts'
import { ourselves, parseHolder, stateOf } from './holder.ts'

const FILE = '.lock'

/** A holder touches its lock so often. Where its process is out of sight, that is all that can be known of it. */
const BEAT_MS = 2_000
/** One that does not for so long is taken for dead; if it only slept, it finds its lock gone and stops. */
const SILENCE_MS = 12_000
const LOOK_MS = 500
/** For so long it is ours once we have seen that, as far as small writes go. */
const MOMENT_MS = 100

export interface Patience {
  readonly signal?: AbortSignal | undefined
  /** Told if it takes a while to see whether a holder lives. */
  readonly note?: ((line: string) => void) | undefined
  /** What the folder is, for messages. */
  readonly what?: string
}

/** A run folder, held by this process: two that write into one folder would tear its files. */
export class FolderLock {
  #dir: string
  readonly #text: string
  #handle: FileHandle
  readonly #beat: NodeJS.Timeout
  /** When we last saw that it is ours, by the clock on the wall, which goes on while a machine sleeps. */
  #seen = 0

  private constructor(dir: string, text: string, handle: FileHandle) {
    this.#dir = dir
    this.#text = text
    this.#handle = handle
    // By the handle: a lock that has taken the place of this one must not seem alive by our doing.
    this.#beat = setInterval(() => this.#handle.utimes(new Date(), new Date()).catch(() => {}), BEAT_MS).unref()
  }

  /**
   * Takes a folder. What a killed process or a power cut left behind is no obstacle.
   * @throws FedunifyError (usage) if another process is at work in it
   * @throws the signal's reason if it was aborted
   */
  static async take(dir: string, patience: Patience = {}): Promise<FolderLock> {
    const file = join(dir, FILE)
    const text = JSON.stringify({ id: randomBytes(8).toString('hex'), ...ourselves() })
    for (;;) {
      const handle = await put(file, text)
      if (handle) return new FolderLock(dir, text, handle)
      await removeDead(file, dir, patience)
    }
  }

  /**
   * Gives the folder another name. Windows renames no folder in which a file is open, so the lock is closed meanwhile.
   * @throws the system's error
   */
  async move(dir: string, rename: typeof renameFile = renameFile): Promise<void> {
    await this.#handle.close()
    try {
      await rename(this.#dir, dir)
      this.#dir = dir
    } finally {
      this.#handle = await open(join(this.#dir, FILE), 'r+')
    }
  }

  /**
   * Whoever writes asks before: a process that was suspended may have been taken for dead.
   * @throws FedunifyError (usage) if the folder is another's, or the lock was removed
   */
  async assertHeld(): Promise<void> {
    // Whoever looks whether we are dead may hold the lock aside for a moment.
    for (let tries = 0; tries < 10; tries++) {
      const found = await this.#read()
      if (found === this.#text) {
        this.#seen = Date.now()
        return
      }
      if (found !== undefined) {
        const what = 'another process took over this run folder while this one did not respond'
        const hint = 'the run continues in that process; every finished round is kept'
        throw new FedunifyError('E_RUN_LOCKED', `${this.#dir}: ${what}`, hint)
      }
      await sleep(50)
    }
    const what = `${FILE} was removed while this process was at work in the run folder`
    throw new FedunifyError(
      'E_RUN_LOCKED',
      `${this.#dir}: ${what}`,
      `resume it with: fedunify run --resume ${shellWord(this.#dir)}`,
    )
  }

  /** As `assertHeld`, but not again within a moment: of a thousand owners each is written down. */
  async assertHeldOfLate(): Promise<void> {
    if (Math.abs(Date.now() - this.#seen) >= MOMENT_MS) await this.assertHeld()
  }

  /** Gives the folder back, if it is still ours. */
  async release(): Promise<void> {
    clearInterval(this.#beat)
    await this.#handle.close()
    if ((await this.#read()) === this.#text) await rm(join(this.#dir, FILE), { force: true })
  }

  async #read(): Promise<string | undefined> {
    const file = join(this.#dir, FILE)
    return await readFile(file, 'utf8').catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return undefined
      throw writeError(file, error)
    })
  }
}

/** A lock that is ours, with its handle; undefined if there is one already. It appears whole, or not at all. */
async function put(file: string, text: string): Promise<FileHandle | undefined> {
  const draft = asideOf(file)
  let handle: FileHandle | undefined
  try {
    handle = await open(draft, 'wx')
    await handle.writeFile(text)
    await flush(handle)
    await link(draft, file)
    return handle
  } catch (error) {
    await handle?.close()
    // Whoever holds the folder clears it of drafts.
    if (systemCodeOf(error) === 'EEXIST' || (handle && systemCodeOf(error) === 'ENOENT')) return undefined
    if (handle && NO_LINKS.includes(systemCodeOf(error) ?? '')) return await putWithoutLinks(file, text)
    throw writeError(file, error)
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
}

/** File systems without hard links, as on memory sticks: there a power cut may leave an empty lock. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']

async function putWithoutLinks(file: string, text: string): Promise<FileHandle | undefined> {
  try {
    const handle = await open(file, 'wx')
    await handle.writeFile(text)
    return handle
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return undefined
    throw writeError(file, error)
  }
}

const asideOf = (file: string) => `${file}.${randomBytes(6).toString('hex')}.tmp`

/** @throws FedunifyError (usage) if the holder lives */
async function removeDead(file: string, dir: string, patience: Patience): Promise<void> {
  const found = await look(file)
  if (!found || (await livesOn(file, dir, found, patience)) === 'gone') return
  // Another process may have come to the same view a moment ago and hold the folder now: then this is not what was seen.
  const aside = asideOf(file)
  try {
    await renameFile(file, aside)
    if ((await readFile(aside, 'utf8')) !== found.text) await putBack(aside, file)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(systemCodeOf(error) ?? '')) throw writeError(file, error)
  } finally {
    await rm(aside, { force: true })
  }
}

/** Unless somebody has taken the folder by now: whose lock this was finds out, and stops. */
async function putBack(aside: string, file: string): Promise<void> {
  try {
    await link(aside, file)
  } catch (error) {
    if (!NO_LINKS.includes(systemCodeOf(error) ?? '')) throw error
    await renameFile(aside, file)
  }
}

interface Found {
  readonly text: string
  /** When it was touched last, by whatever clock: only whether that changes counts. */
  readonly touched: number
}

async function look(file: string): Promise<Found | undefined> {
  try {
    if (!(await lstat(file)).isFile()) {
      throw new FedunifyError('E_FILE_UNWRITABLE', `${file}: not a plain file`, `remove it: no run of fedunify left it`)
    }
    // Opened anew each time: a network's file system then asks its server.
    const handle = await open(file)
    try {
      return { text: await handle.readFile('utf8'), touched: (await handle.stat()).mtimeMs }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error instanceof FedunifyError ? error : writeError(file, error)
  }
}

/**
 * Resolves to `dead`, or to `gone` if the lock became another or none meanwhile.
 * @throws FedunifyError (usage) if the holder lives
 */
async function livesOn(file: string, dir: string, found: Found, patience: Patience): Promise<'dead' | 'gone'> {
  const { signal, note, what = 'run folder' } = patience
  const holder = parseHolder(found.text)
  const state = holder ? stateOf(holder) : 'unknown'
  if (state === 'dead') return 'dead'
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
  const hint = `wait for it, or stop it; if there is no such process, remove ${file}`
  const inUse = new FedunifyError('E_RUN_LOCKED', `${dir}: ${who} is at work in this ${what}`, hint)
  if (state === 'alive') throw inUse
  // What is not whole was cut short, unless it is being written at this very moment.
  const silence = holder ? SILENCE_MS : LOOK_MS
  for (let waited = 0; waited < silence; waited += LOOK_MS) {
    if (waited === 2 * LOOK_MS) note?.(`waiting up to ${silence / 1000} s to see if ${who} is still at work in ${dir}`)
    await sleep(LOOK_MS, undefined, { signal }).catch(() => signal?.throwIfAborted())
    const now = await look(file)
    if (now?.text !== found.text) return 'gone'
    if (now.touched !== found.touched) throw inUse
  }
  return 'dead'
}
