import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** The next bytes of a file, or the wish to have the digest of all that came. */
export type HashRequest =
  | { readonly file: number; readonly buffer: SharedArrayBuffer; readonly bytes: number }
  | { readonly file: number }

/** The digest, in hexadecimal digits; empty for bytes. Answers come in the order of the requests. */
export type HashAnswer = string

const hashes = new Map<number, Hash>()

parentPort?.on('message', (request: HashRequest) => {
  const hash = hashes.get(request.file) ?? createHash('sha256')
  hashes.set(request.file, hash)
  if (!('buffer' in request)) return parentPort?.postMessage(hash.digest('hex'))
  const { buffer, bytes } = request
  hash.update(new Uint8Array(buffer, 0, bytes))
  parentPort?.postMessage('')
})
