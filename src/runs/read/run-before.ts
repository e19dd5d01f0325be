import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { byName } from '../../system/glob.ts'
import { runState } from './run-state.ts'

/** A folder may hold very many runs: no more are looked at. */
const MOST = 20

/** The finished run beside this one whose name comes just before: by default names are times. Undefined if none. */
export async function runBefore(path: string): Promise<string | undefined> {
  const [folder, own] = [dirname(path), basename(path)]
  const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.') && byName(name, own) < 0)
  for (const name of names.sort(byName).reverse().slice(0, MOST)) {
    if ((await runState(join(folder, name))) === 'finished') return join(folder, name)
  }
  return undefined
}
