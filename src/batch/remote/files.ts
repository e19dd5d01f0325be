import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { keptFilesIn } from '../../runs/read/kept-weights.ts'
import { MANIFEST, RULES, RUN_FILES } from '../../runs/run-files.ts'
import { putFile } from '../../runs/write/growing-file.ts'
import { kindOf, makeFolders, readIfThere } from '../../system/files.ts'
import type { RunFile } from './messages.ts'
import { newToken, type Queue } from './queue.ts'

interface Content {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Reads the files of a run folder, which nobody writes meanwhile; none if there is no folder. */
export async function readRunFiles(dir: string): Promise<Content[]> {
  const rules = (await kindOf(join(dir, RULES))) === 'folder' ? await readdir(join(dir, RULES)) : []
  const all: Content[] = []
  for (const path of [
    ...RUN_FILES,
    ...rules.filter((name) => /^[\w-]+\.m?js$/.test(name)).map((name) => `${RULES}/${name}`),
    ...(await keptFilesIn(dir)),
  ]) {
    const bytes = await readIfThere(join(dir, path))
    if (bytes) all.push({ path, bytes })
  }
  return all
}

/** Puts files on the broker, under a new name for all of them. */
export async function putFiles(
  queue: Queue,
  key: string,
  contents: readonly Content[],
  signal: AbortSignal,
): Promise<{ set: string; files: RunFile[] }> {
  const set = newToken()
  const files: RunFile[] = []
  for (const { path, bytes } of contents) files.push({ path, blob: await queue.putBlob(key, set, bytes, signal) })
  return { set, files }
}

/**
 * Writes files that are on the broker into a folder, which is made.
 * @returns whether all were there: the broker may have lost some
 * @throws FedunifyError (data) if one is not what its digest says
 */
export async function fetchFiles(
  queue: Queue,
  key: string,
  { set, files }: { readonly set: string; readonly files: readonly RunFile[] },
  dir: string,
  signal: AbortSignal,
): Promise<boolean> {
  await makeFolders(dir)
  for (const { path, blob } of files) {
    const bytes = await queue.getBlob(key, set, blob, `${path} of a run`, signal)
    if (!bytes) return false
    await makeFolders(dirname(join(dir, path)))
    await putFile(join(dir, path), bytes)
  }
  if (!files.some(({ path }) => path === MANIFEST)) {
    throw new FedunifyError(
      'E_PAYLOAD',
      'a run came without its manifest',
      'both sides need the same version of fedunify',
    )
  }
  return true
}
