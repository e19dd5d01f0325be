import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface GitState {
  readonly commit: string
  /** Whether files were changed or added since. */
  readonly dirty: boolean
}

/** The state of the repository around the current folder; null outside of one. */
export async function gitState(): Promise<GitState | null> {
  const args = ['--no-optional-locks', 'status', '--porcelain=v2', '--branch']
  try {
    const { stdout } = await promisify(execFile)('git', args, { timeout: 5000, maxBuffer: 2 ** 26 })
    const commit = /^# branch\.oid ([0-9a-f]+)$/m.exec(stdout)?.[1]
    return commit === undefined ? null : { commit, dirty: /^[^#]/m.test(stdout) }
  } catch {
    return null
  }
}
