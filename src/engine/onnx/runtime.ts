import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const require = createRequire(import.meta.url)
const manifest = require.resolve('onnxruntime-node/package.json')

/** Where the runtime is, and its version, without loading it: its native library takes a while to start. */
export const RUNTIME_FOLDER = dirname(manifest)
export const RUNTIME_VERSION: string = require(manifest).version
