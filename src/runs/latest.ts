import { randomBytes } from 'node:crypto'
import { lstat, readlink, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { RESULTS } from '../config/schema.ts'
import { kindOf, readIfThere, writeWhole } from '../system/files.ts'
import { isWithin } from '../system/shared-path.ts'

/** In a results folder: a link to the folder of the last run, or, if there are none, a file that holds its path. */
export const LATEST = 'latest'

/** A path is not longer. */
const MOST = 10_000

/**
 * Makes `latest` in a results folder mean a run in it. Nothing depends on it: what cannot be written is left, and so is
 * a folder of that name.
 */
export async function pointLatest(out: string, run: string): Promise<void> {
  const target = relative(out, run)
  if (!isBelow(target) || (await kindOf(run)) !== 'folder') return
  const path = join(out, LATEST)
  const link = join(out, `.${LATEST}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    if ((await lstat(path).catch(() => undefined))?.isDirectory()) return
    await symlink(target, link, 'dir')
    await rename(link, path)
  } catch {
    await rm(link, { force: true }).catch(() => {})
    // On Windows links are a privilege.
    await writeWhole(path, `${target}\n`).catch(() => {})
  }
}

/** Whether a link of a results folder is such a pointer, to a run that is found there under its own name. */
export const isPointer = async (link: string): Promise<boolean> =>
  basename(link) === LATEST && isBelow(await readlink(link).catch(() => ''))

/**
 * What a user calls a run, as the path of its folder: `latest`, `results/latest` and `OUT/latest` mean the last one.
 * Other names stay as they are.
 */
export async function runPath(named: string): Promise<string> {
  if (basename(named) !== LATEST) return named
  const direct = await pointed(named)
  if (direct !== undefined) return direct
  const here = named === LATEST && (await lstat(named).catch(() => undefined)) === undefined
  if (!here) return named
  const path = join(RESULTS, LATEST)
  return (await pointed(path)) ?? path
}

/** Where a pointer leads; undefined if the name is none. */
async function pointed(path: string): Promise<string | undefined> {
  const link = path.replace(/[\\/]+$/, '')
  const target =
    (await readlink(link).catch(() => undefined)) ??
    (await readIfThere(link, { most: MOST }).catch(() => undefined))?.toString('utf8').trim()
  return target !== undefined && isBelow(target) ? join(dirname(link), target) : undefined
}

const isBelow = (target: string) => target !== '' && isWithin(target)
