import { join } from 'node:path'
import { BATCH_KEYS } from '../config/batch-schema.ts'
import { isAboutFile } from '../config/config-format.ts'
import { isMapping } from '../config/mapping.ts'
import { meantSetting } from '../config/meant.ts'
import { STDIN } from '../config/read.ts'
import { WRITTEN_KEYS } from '../config/schema.ts'
import { readYaml } from '../config/source.ts'
import { FedunifyError } from '../errors.ts'
import { kindOf } from '../system/files.ts'
import { matchGlob } from '../system/glob.ts'

/**
 * The experiment files that are meant by a name, a glob, or a folder that holds them; standard input by `-`. A file that
 * is there is meant before a glob.
 * @param note told of files of expectations, which are beside experiments and are none
 * @throws FedunifyError (usage) if nothing is found
 */
export async function findExperiments(named: string, note?: (line: string) => void): Promise<string[]> {
  if (named === STDIN) return [STDIN]
  const kind = await kindOf(named)
  if (kind === 'file') return [named]
  const isFolder = kind === 'folder'
  const matches = isFolder
    ? (await matchGlob('*.{yaml,yml}', { cwd: named })).map((file) => join(named, file))
    : await matchGlob(named)
  const experiments: string[] = []
  for (const file of matches) {
    if (await holdsExpectations(file)) note?.(`${file} is passed over: it holds expectations, and no experiment`)
    else experiments.push(file)
  }
  if (experiments.length > 0) return experiments
  const why = isFolder ? 'has no experiment file (*.yaml)' : 'matches no file'
  const setting = isFolder ? undefined : meantSetting(named, [...WRITTEN_KEYS, ...BATCH_KEYS])
  const hint = setting ? `did you mean ${setting}?` : "for example: fedunify batch 'experiments/*.yaml'"
  throw new FedunifyError('E_CONFIG_FILE', `${named}: ${why}`, hint)
}

/** Whether a file holds expectations alone: a list of them, or nothing but `expect`. */
async function holdsExpectations(file: string): Promise<boolean> {
  try {
    const { value } = await readYaml(file)
    if (Array.isArray(value)) return value.length > 0 && value.every((one) => isMapping(one) && 'metric' in one)
    const keys = isMapping(value) ? Object.keys(value).filter((key) => !isAboutFile(key)) : []
    return keys.length === 1 && keys[0] === 'expect'
  } catch {
    // Whoever reads it as an experiment says what is wrong.
    return false
  }
}
