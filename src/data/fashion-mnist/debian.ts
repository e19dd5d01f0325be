import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemCodeOf } from '../../errors.ts'
import type { RunCommand } from './command.ts'

export const DEBIAN_PACKAGE = 'dataset-fashion-mnist'
/** Where Debian's package installs the four .gz files. */
export const DEBIAN_FOLDER = '/usr/share/datasets/fashion-mnist'

/**
 * An address that apt-get would ask first to download the package, or, if it has no lists, to fetch these. Nothing is
 * downloaded.
 * @throws Error with a one-line reason: apt-get is not installed, or knows of no archive
 */
export async function debianAddress(run: RunCommand, signal?: AbortSignal): Promise<string | undefined> {
  const print = (...args: string[]) => run('apt-get', ['-qq', '--print-uris', ...args], { cwd: tmpdir(), signal })
  const listed = await print('download', DEBIAN_PACKAGE).catch(() => print('update'))
  return /'(https?:[^']+)'/.exec(listed)?.[1]
}

export interface DebianOptions {
  readonly run: RunCommand
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((message: string) => void) | undefined
}

/**
 * Downloads Debian's package and unpacks it into a temporary folder; neither needs root or installs anything.
 * First with the system's package lists; if they are absent or stale, with lists of our own.
 * @param use gets the folder with the four files, which is removed afterwards
 * @throws Error with a one-line reason
 */
export async function withDebianPackage<T>(options: DebianOptions, use: (folder: string) => Promise<T>): Promise<T> {
  const { run, signal, progress } = options
  const work = await mkdtemp(join(tmpdir(), 'fedunify-'))
  const apt = (settings: readonly string[], ...args: string[]) => {
    return run('apt-get', ['-qq', ...flags([...COMMON, ...asRoot(), ...settings]), ...args], { cwd: work, signal })
  }
  try {
    progress?.(`fetching the Debian package ${DEBIAN_PACKAGE}…`)
    try {
      await apt([], 'download', DEBIAN_PACKAGE)
    } catch (error) {
      signal?.throwIfAborted()
      if (systemCodeOf(error) === 'ENOENT') throw error
      const own = await ownLists(work)
      progress?.('fetching package lists into a temporary folder…')
      await apt(own, 'update')
      progress?.(`fetching the Debian package ${DEBIAN_PACKAGE}…`)
      await apt(own, 'download', DEBIAN_PACKAGE)
    }
    const archive = (await readdir(work)).find((name) => name.endsWith('.deb'))
    if (!archive) throw new Error('apt-get left no package behind')
    progress?.('unpacking the Debian package…')
    await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: work, signal })
    return await use(join(work, 'unpacked', DEBIAN_FOLDER))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const COMMON = [
  'Acquire::Retries=1',
  'Acquire::http::Timeout=8',
  'Acquire::https::Timeout=8',
  'Acquire::Languages=none',
  'APT::Update::Error-Mode=any',
]

/** apt's unprivileged download user cannot write to our private temporary folder. */
function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : []
}

async function ownLists(work: string): Promise<string[]> {
  const lists = join(work, 'lists')
  const cache = join(work, 'cache')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true })
  return [`Dir::State::Lists=${lists}`, `Dir::Cache=${cache}`]
}

function flags(settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ['-o', setting])
}
