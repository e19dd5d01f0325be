import { checkpointFile, encodeCheckpoint, type SavedState } from '../checkpoint.ts'
import { manifestFile } from '../manifest.ts'
import { sealedManifest } from '../manifest-text.ts'
import { type Manifest, type RunDescription, runIdentity } from '../run-description.ts'
import { putFile } from './growing-file.ts'
import { keepConfig } from './keep-config.ts'

/** Keys that a run may be given otherwise when it goes on. */
const CHANGEABLE = ['stop-after', 'keep', 'keep-every'] as const

/**
 * A run may be told to stop elsewhere, to keep other rounds' weights, or have other rounds than before. Whatever is
 * written when the process is killed, the same command goes on: the checkpoint is that of both runs until the manifest
 * says which it is.
 */
export async function keepChange(
  path: string,
  manifest: Manifest,
  saved: SavedState,
  description: RunDescription,
): Promise<void> {
  const [was, is] = [runIdentity(manifest), runIdentity(description)]
  const changed = CHANGEABLE.some((key) => manifest.config[key] !== description.config[key])
  if (was === is && !changed) return
  // A finished run's manifest has the hashes of the files that change now.
  const { files: _, ...begun } = manifest
  await putFile(manifestFile(path), sealedManifest({ ...begun, status: 'running' }))
  await keepConfig(path, description.config)
  if (was !== is) await putFile(checkpointFile(path), encodeCheckpoint({ ...saved, run: is, before: was }))
  await putFile(manifestFile(path), sealedManifest({ status: 'running', rounds: saved.round, ...description }))
}
