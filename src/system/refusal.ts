import { type ErrorCode, FedunifyError, messageOf, systemCodeOf } from '../errors.ts'
import { allowsFewFiles } from './limits.ts'

/**
 * What went wrong, if it is no bug of ours: an error that was thrown as such, or one that the system gave and nobody
 * foresaw at that place. Undefined for all others.
 */
export function refusalOf(error: unknown): FedunifyError | undefined {
  if (error instanceof FedunifyError) return isFiles(error.cause) ? refusalOf(error.cause) : error
  const system = systemCodeOf(error) ?? ''
  const message = messageOf(error).replace(/\s*\n\s*/g, ' ')
  const refusal = (code: ErrorCode, what: string, hint?: string) =>
    new FedunifyError(code, what, hint, { cause: error })
  if (isFiles(error)) {
    return refusal('E_FILE_LIMIT', `too many open files${placeOf(error)}`, 'raise the limit: ulimit -n 1024')
  }
  if (isMemory(error, system, message)) {
    const hint =
      'free some memory, or raise its limits: ulimit -a names them, ulimit -v unlimited lifts that on addresses'
    return refusal('E_MEMORY', `not enough memory: ${message}`, hint)
  }
  if (system === 'ERR_ACCESS_DENIED') {
    return refusal('E_INSTALLATION', `Node was told not to allow this: ${message}`, 'see --permission in NODE_OPTIONS')
  }
  if (/^(ERR_)?MODULE_NOT_FOUND$/.test(system)) {
    // Node finds no module that it cannot open a file to look for.
    if (allowsFewFiles()) {
      const what = 'too few open files are allowed (ulimit -n) to load what is needed'
      return refusal('E_FILE_LIMIT', what, 'raise the limit: ulimit -n 1024')
    }
    return refusal('E_INSTALLATION', `fedunify is not whole: ${message}`, 'install it again')
  }
  if (!/^E[A-Z\d]+$/.test(system)) return undefined
  const code = isFull(error) ? 'E_DISK_FULL' : system === 'ENOENT' ? 'E_FILE_MISSING' : 'E_SYSTEM'
  // "ENOENT: no such file or directory, open '/a/b'"
  const what = /^E[A-Z\d]+: ([^,]+)/.exec(message)?.[1]
  return refusal(code, what === undefined ? message : `${placeOf(error).slice(2) || 'the system'}: ${what} (${system})`)
}

/** Whether the disk, or what a user may have of it, is full. */
export const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCodeOf(error) ?? '')

/** Whether there are too many open files: threads and packages that do not load say so in their message alone. */
const isFiles = (error: unknown) =>
  /\bE[MN]FILE\b|too many open files/.test(`${systemCodeOf(error)} ${messageOf(error)}`)

function isMemory(error: unknown, code: string, message: string): boolean {
  if (['ENOMEM', 'ERR_MEMORY_ALLOCATION_FAILED', 'ERR_WORKER_OUT_OF_MEMORY'].includes(code)) return true
  return (
    /cannot allocate memory|bad_alloc/i.test(message) || (error instanceof RangeError && /alloc|memory/i.test(message))
  )
}

/** ": PATH" if the error names one. */
function placeOf(error: unknown): string {
  const { path, syscall } = error as { path?: unknown; syscall?: unknown }
  if (syscall === 'uv_cwd') return ': the current folder'
  return typeof path === 'string' ? `: ${path}` : ''
}
