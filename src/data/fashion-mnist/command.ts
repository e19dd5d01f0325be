import { execFile } from 'node:child_process'
import { systemCodeOf } from '../../errors.ts'

/**
 * Runs a program to its end. Resolves on exit status 0, with what it wrote to stdout.
 * @throws Error with a one-line reason: not installed (code ENOENT), or the last line that it wrote to stderr
 * @throws the signal's reason if it was aborted
 */
export type RunCommand = (
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly signal?: AbortSignal | undefined },
) => Promise<string>

export const runCommand: RunCommand = (program, args, { cwd, signal }) => {
  return new Promise((resolve, reject) => {
    // The C locale keeps reasons readable to whoever helps; aborting ends the program.
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
    execFile(program, args, { cwd, env, maxBuffer: 2 ** 24, ...(signal && { signal }) }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      if (signal?.aborted) return reject(signal.reason)
      if (systemCodeOf(error) === 'ENOENT') {
        return reject(Object.assign(new Error(`${program} is not installed`), { code: 'ENOENT' }))
      }
      const last = stderr.trim().split('\n').at(-1)?.trim()
      reject(new Error(`${program}: ${last || `exit status ${error.code}`}`, { cause: error }))
    })
  })
}
