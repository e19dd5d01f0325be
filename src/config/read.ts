import { close, closeSync, constants, createReadStream, fstat, open, openSync, type Stats, statSync } from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal, type Readable } from 'node:stream'
import { promisify } from 'node:util'
import { FedunifyError, messageOf, systemCodeOf } from '../errors.ts'
import { thousands } from '../format.ts'
import { textOf } from '../system/text.ts'
import { BATCH_KEYS } from './batch-schema.ts'
import { EXPERIMENT_FILE, type FileKind } from './config-format.ts'
import { meantSetting } from './meant.ts'
import { WRITTEN_KEYS } from './schema.ts'

/** What stands for standard input where a file is named. */
export const STDIN = '-'

/** A file as messages name it. */
export const fileName = (file: string): string => (file === STDIN ? 'stdin' : file)

/**
 * The text of a file, of standard input for `-`; of what is too large no more is read than shows that it is.
 * @param most bytes that it may have
 * @param kind what it should be, for messages
 * @throws FedunifyError (usage) if it cannot be read, is larger, or nothing comes from standard input
 * @throws the signal's reason if it was aborted
 */
export async function readText(
  file: string,
  most: number,
  signal?: AbortSignal,
  kind: FileKind = EXPERIMENT_FILE,
): Promise<string> {
  const hint = `name ${kind.one} file, for example ${kind.example}`
  try {
    const stream = file === STDIN ? process.stdin : await streamOf(file, most, kind, signal)
    if (signal) addAbortSignal(signal, stream)
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of stream) {
      chunks.push(chunk)
      size += chunk.length
      if (size > most) throw tooLarge(file, undefined, most, kind)
    }
    // An empty file is an experiment of defaults; an empty pipe is that whatever wrote to it failed.
    if (size === 0 && file === STDIN) throw new FedunifyError('E_CONFIG_FILE', 'stdin: nothing was written to it', hint)
    return textOf(Buffer.concat(chunks))
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof FedunifyError) throw error
    const setting = systemCodeOf(error) === 'ENOENT' ? meantSetting(file, [...WRITTEN_KEYS, ...BATCH_KEYS]) : undefined
    const why =
      { ENOENT: 'no such file', EISDIR: 'a folder, not a file' }[systemCodeOf(error) ?? ''] ?? messageOf(error)
    throw new FedunifyError('E_CONFIG_FILE', `${fileName(file)}: ${why}`, setting ? `did you mean ${setting}?` : hint)
  }
}

/** @throws FedunifyError (usage) if the file says itself that it is too large */
async function streamOf(file: string, most: number, kind: FileKind, signal?: AbortSignal): Promise<Readable> {
  const fd = await openToRead(file, signal)
  try {
    const stats: Stats = await promisify(fstat)(fd)
    if (stats.isFile() && stats.size > most) throw tooLarge(file, stats.size, most, kind)
    // Reading a pipe as a file would keep a thread waiting that no signal ends.
    if (stats.isFIFO()) return new Socket({ fd, readable: true, writable: false })
  } catch (error) {
    await promisify(close)(fd)
    throw error
  }
  // A file may grow while it is read, and others (/dev/zero) have no size.
  return createReadStream('', { fd, end: most })
}

/** Opening a pipe waits for somebody to write to it, in the system, where no signal is heeded: then we open it so. */
async function openToRead(file: string, signal?: AbortSignal): Promise<number> {
  const wake = () => {
    try {
      if (statSync(file).isFIFO()) closeSync(openSync(file, constants.O_WRONLY | constants.O_NONBLOCK))
    } catch {}
  }
  signal?.addEventListener('abort', wake, { once: true })
  try {
    return await promisify(open)(file, 'r')
  } finally {
    signal?.removeEventListener('abort', wake)
  }
}

function tooLarge(file: string, size: number | undefined, most: number, { one }: FileKind): FedunifyError {
  const has = size === undefined ? `more than ${thousands(most)} bytes` : `${thousands(size)} bytes`
  return new FedunifyError(
    'E_CONFIG_FILE',
    `${fileName(file)}: has ${has}, ${one} has ${thousands(most)} at most`,
    'is it the file that was meant?',
  )
}
