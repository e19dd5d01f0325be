import { dirname, join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { isPlainFile, kindOf } from '../../system/files.ts'
import { valuesOf } from '../../weights/safetensors/dtype.ts'
import type { Entry, Metadata } from '../../weights/safetensors/header.ts'
import { INDEX_NAME, type IndexFile, readIndex } from './index-file.ts'
import { ModelFile } from './model-file.ts'

/** The name of a model that is one file, in a run folder and elsewhere. */
const MODEL_NAME = 'model.safetensors'

/** A tensor of a model, and where its values are. */
export interface ModelTensor extends Entry {
  /** How many values it has. */
  readonly values: number
  readonly file: ModelFile
}

/** A model whose values are read piece by piece. */
export interface Model {
  /** As it was named. */
  readonly name: string
  /** In the order of their names. */
  readonly files: readonly ModelFile[]
  /** If it has several files. */
  readonly index: IndexFile | undefined
  /** By name, in the order of the files, and in these of their values. */
  readonly tensors: ReadonlyMap<string, ModelTensor>
  /** What all files say of themselves alike. */
  readonly metadata: Metadata
}

/**
 * Opens a model: a safetensors file, the index of several, or a folder (of a run, for example) that has one of them.
 * @throws FedunifyError (data) if there is none, or it is damaged
 */
export async function openModel(named: string): Promise<Model> {
  const path = await modelPath(named)
  const index = path.endsWith('.json') ? await readIndex(path) : undefined
  const names = index ? [...new Set(index.files.values())].sort() : []
  const files: ModelFile[] = []
  try {
    for (const file of index ? names.map((name) => join(dirname(path), name)) : [path]) {
      files.push(await ModelFile.open(file))
    }
    const tensors = tensorsOf(files)
    if (index) assertIndex(index, names, files)
    return { name: named, files, index, tensors, metadata: sharedMetadata(files.map(({ header }) => header.metadata)) }
  } catch (error) {
    await closeFiles(files)
    throw error
  }
}

export const closeModels = (models: readonly Model[]): Promise<void> => closeFiles(models.flatMap(({ files }) => files))

async function closeFiles(files: readonly ModelFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()))
}

async function modelPath(named: string): Promise<string> {
  if ((await kindOf(named)) !== 'folder') return named
  for (const name of [MODEL_NAME, INDEX_NAME]) {
    const path = join(named, name)
    if (await isPlainFile(path)) return path
  }
  throw new FedunifyError(
    'E_FILE_MISSING',
    `${named}: the folder has neither ${MODEL_NAME} nor ${INDEX_NAME}`,
    'name the file of the model itself',
  )
}

function tensorsOf(files: readonly ModelFile[]): Map<string, ModelTensor> {
  const tensors = new Map<string, ModelTensor>()
  for (const file of files) {
    for (const entry of file.header.entries) {
      const refuse = (what: string) => new FedunifyError('E_MODEL_FILE', `${file.path}: ${what}`)
      if (entry.name === '__proto__') throw refuse('a tensor is called __proto__, which no framework writes')
      const other = tensors.get(entry.name)
      if (other) throw refuse(`${entry.name} is in ${other.file.path} too`)
      const [from, to] = [file.start + entry.from, file.start + entry.to]
      tensors.set(entry.name, { ...entry, from, to, values: valuesOf(entry.shape), file })
    }
  }
  return tensors
}

/** An index and its files name the same tensors. */
function assertIndex(index: IndexFile, names: readonly string[], files: readonly ModelFile[]): void {
  const refuse = (what: string) => new FedunifyError('E_MODEL_FILE', `${index.path}: ${what}`)
  const found = new Map(files.flatMap(({ header }, i) => header.entries.map(({ name }) => [name, names[i]!] as const)))
  for (const [tensor, file] of index.files) {
    if (found.get(tensor) !== file) throw refuse(`it has ${tensor} in ${file}, where it is not`)
  }
  for (const [tensor, file] of found) {
    if (!index.files.has(tensor)) throw refuse(`${file} has ${tensor}, which it does not name`)
  }
}

/** The entries that are the same in all. */
export function sharedMetadata([first = {}, ...others]: readonly Metadata[]): Metadata {
  const shared = Object.entries(first).filter(([key, value]) =>
    others.every((other) => Object.hasOwn(other, key) && other[key] === value),
  )
  return Object.fromEntries(shared)
}
