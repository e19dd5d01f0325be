import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { decisive } from '../config/hash.ts'
import { readManifest } from '../runs/manifest.ts'
import { differingKeys } from '../runs/read/run-groups.ts'
import type { BatchRun } from './plan.ts'

/** Runs in the folder of a batch that are none of it: the same cells and seeds, with other settings. */
export interface StaleRuns {
  readonly folder: string
  readonly runs: readonly string[]
  /** In what they differ. */
  readonly keys: readonly string[]
}

const withoutHash = (id: string) => id.replace(/-[\da-f]{8}$/, '')

/** Earlier runs that an edited file no longer means: whoever reads the folder as a whole reads them too. */
export async function staleRuns(runs: readonly BatchRun[]): Promise<StaleRuns[]> {
  const folders = new Map<string, BatchRun[]>()
  for (const run of runs) folders.set(dirname(run.path), [...(folders.get(dirname(run.path)) ?? []), run])
  const found: StaleRuns[] = []
  for (const [folder, own] of folders) {
    const planned = new Map(own.map((run) => [withoutHash(basename(run.path)), run]))
    const ids = new Set(own.map(({ path }) => basename(path)))
    const stale: string[] = []
    const keys = new Set<string>()
    for (const name of await readdir(folder).catch(() => [])) {
      const now = planned.get(withoutHash(name))
      const manifest = now && !ids.has(name) && (await readManifest(join(folder, name)).catch(() => undefined))
      if (!manifest) continue
      stale.push(name)
      for (const key of differingKeys([decisive(manifest.config), decisive(now.experiment)])) keys.add(key)
    }
    if (stale.length > 0) found.push({ folder, runs: stale.sort(), keys: [...keys].sort() })
  }
  return found
}
