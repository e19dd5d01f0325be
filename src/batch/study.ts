import { dirname, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import type { PlannedRun } from '../config/expand.ts'
import { STDIN } from '../config/read.ts'
import { FedunifyError } from '../errors.ts'
import { assertNoLink, putFile } from '../runs/write/growing-file.ts'
import { isPlainFile, kindOf, makeFolders, readIfThere } from '../system/files.ts'
import { textOf } from '../system/text.ts'

/** What the folder of a batch says of itself. */
const STUDY = 'study.json'

const StudySchema = z.object({ format: z.literal(1), file: z.string() })

type Run = Pick<PlannedRun, 'file' | 'nameGiven' | 'experiment'> & { readonly path: string }

/** The experiment files that give a folder its runs, by folder; not those where somebody gave the folder its name. */
function studies(runs: readonly Run[]): Map<string, Set<string>> {
  const files = new Map<string, Set<string>>()
  for (const { path, file, nameGiven } of runs) {
    if (nameGiven || file === undefined || file === STDIN) continue
    const folder = dirname(path)
    files.set(folder, (files.get(folder) ?? new Set()).add(file))
  }
  return files
}

/**
 * Two files of one name in different folders would have their runs and summaries in one folder, as if they were one
 * study.
 * @throws FedunifyError (usage) if nobody asked for that by naming it
 */
export async function assertOneStudy(runs: readonly Run[]): Promise<void> {
  for (const [folder, files] of studies(runs)) {
    const [file, other] = [...files]
    const before = other ?? (await fileOf(folder))
    if (before === undefined || resolve(before) === resolve(file!)) continue
    const has = other === undefined ? 'holds' : 'would hold'
    throw new FedunifyError(
      'E_CONFLICT',
      `${folder} ${has} the runs of ${before}, not of ${file}`,
      'give one of them another name (name: … in the file, or --name), or both the same if they belong together',
    )
  }
}

/** Writes into each folder which file its runs come from. */
export async function keepStudies(runs: readonly Run[]): Promise<void> {
  for (const [folder, files] of studies(runs)) {
    const [file] = files
    const path = relative(folder, file!).split(sep).join('/')
    if ((await read(folder)) === path) continue
    await assertNoLink(folder)
    await makeFolders(folder)
    await putFile(join(folder, STUDY), `${JSON.stringify({ format: 1, file: path }, null, 2)}\n`)
  }
}

/** The file that a folder's runs come from, if it says so and the file is still there. */
async function fileOf(folder: string): Promise<string | undefined> {
  const path = await read(folder)
  if (path === undefined) return undefined
  const file = join(folder, path)
  return (await isPlainFile(file)) ? file : undefined
}

async function read(folder: string): Promise<string | undefined> {
  if ((await kindOf(folder)) !== 'folder') return undefined
  const content = await readIfThere(join(folder, STUDY), { most: 100_000 })
  try {
    return content && StudySchema.parse(JSON.parse(textOf(content))).file
  } catch {
    return undefined
  }
}
