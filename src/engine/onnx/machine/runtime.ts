import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { FedunifyError, messageOf, systemCodeOf } from '../../../errors.ts'
import { requireRoom } from '../../../system/limits.ts'

// The runtime's telemetry is on unless this says otherwise (microsoft/onnxruntime#27379): it would keep an id and timings
// in HOME and send them to its maker. The library reads it when it is loaded. A thread's environment is a copy, which the
// library does not see; but no thread is started before the main thread has come here.
process.env.ORT_DISABLE_TELEMETRY = '1'

const require = createRequire(import.meta.url)
const manifest = require.resolve('onnxruntime-node/package.json')

/** Where the runtime is, and its version, without loading it: its native library takes a while to start. */
export const RUNTIME_FOLDER = dirname(manifest)
export const RUNTIME_VERSION: string = require(manifest).version

/** The runtime. @throws what loading its native library threw */
export const requireRuntime = (): typeof import('onnxruntime-node') => require('onnxruntime-node')

/**
 * Loads the runtime's native library into this process.
 * @throws FedunifyError (usage) if the system does not take it
 */
export function loadRuntime(): void {
  requireRoom(0)
  try {
    requireRuntime()
  } catch (error) {
    throw loadFailure(error) ?? error
  }
}

/** What to say of an error, if it is that the native library does not load. */
export function loadFailure(error: unknown): FedunifyError | undefined {
  if (systemCodeOf(error) !== 'ERR_DLOPEN_FAILED') return undefined
  const message = messageOf(error).split('\n')[0]!
  const hint = /musl|ld-linux/.test(message)
    ? 'it needs glibc: use a system, or an image, that is not built on musl (as Alpine is)'
    : 'fedunify doctor'
  return new FedunifyError(
    'E_ENGINE_UNAVAILABLE',
    `onnxruntime ${RUNTIME_VERSION} does not load here: ${message}`,
    hint,
    {
      cause: error,
    },
  )
}
