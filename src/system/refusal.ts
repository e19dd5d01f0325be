import { codeOf, FedunifyError, messageOf } from '../errors.ts'

/**
 * What went wrong, where it is no bug of ours: an error that was thrown as such, or one that the system gave and nobody
 * foresaw at that place. Undefined for all others.
 */
export function refusalOf(error: unknown): FedunifyError | undefined {
  if (error instanceof FedunifyError) return isFiles(error.cause) ? refusalOf(error.cause) : error
  const code = codeOf(error) ?? ''
  const message = messageOf(error).replace(/\s*\n\s*/g, ' ')
  const refusal = (kind: 'usage' | 'data', what: string, hint?: string) =>
    new FedunifyError(kind, what, hint, { cause: error })
  if (isFiles(error)) {
    return refusal('usage', `too many open files${placeOf(error)}`, 'raise the limit: ulimit -n 1024')
  }
  if (isMemory(error, code, message)) {
    const hint =
      'free some memory, or raise its limits: ulimit -a names them, ulimit -v unlimited lifts that on addresses'
    return refusal('usage', `not enough memory: ${message}`, hint)
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return refusal('usage', `Node was told not to allow this: ${message}`, 'see --permission in NODE_OPTIONS')
  }
  if (/^(ERR_)?MODULE_NOT_FOUND$/.test(code)) {
    return refusal('usage', `fedunify is not whole: ${message}`, 'install it again')
  }
  if (!/^E[A-Z\d]+$/.test(code)) return undefined
  // "ENOENT: no such file or directory, open '/a/b'"
  const what = /^E[A-Z\d]+: ([^,]+)/.exec(message)?.[1]
  return refusal('data', what === undefined ? message : `${placeOf(error).slice(2) || 'the system'}: ${what} (${code})`)
}

/** Whether there are too many open files: threads and packages that do not load say so in their message alone. */
const isFiles = (error: unknown) => /\bE[MN]FILE\b|too many open files/.test(`${codeOf(error)} ${messageOf(error)}`)

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
