import { promisify } from 'node:util'
import { createGunzip, gunzip } from 'node:zlib'
import { FedunifyError, messageOf, systemCodeOf } from '../errors.ts'

// The IDX format: https://yann.lecun.com/exdb/mnist/ — two zero bytes, the element type (08 = unsigned byte),
// the number of dimensions, each dimension as a big-endian u32, then the elements, row by row.
const KINDS = { images: { magic: 0x00000803, rank: 3 }, labels: { magic: 0x00000801, rank: 1 } } as const

export type IdxKind = keyof typeof KINDS

/** Bytes that one byte of a gzip stream can stand for at most. */
const DENSEST = 1032

export interface IdxImages {
  readonly count: number
  readonly rows: number
  readonly cols: number
  /** `count * rows * cols` grey values, 0-255; a view into the parsed bytes. */
  readonly pixels: Uint8Array
}

const inflate = promisify(gunzip)

/** Do these bytes start as a gzip stream does (1f 8b)? */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/**
 * The bytes of an IDX file, decompressed off the main thread if they are gzipped.
 * @param file named in the error
 * @param most bytes that it may unpack to: a few MB may be made to unpack to any number of GB
 * @throws FedunifyError `data` if the gzip stream is truncated or corrupt, or longer
 */
export async function unzip(bytes: Uint8Array, file: string, most: number): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes
  try {
    // One allocation saves thousands of small ones; the spare bytes let the stream end inside it.
    return await inflate(bytes, { chunkSize: most + 64, maxOutputLength: most })
  } catch (error) {
    if (systemCodeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      throw broken(file, `trailing bytes: it unpacks to more than ${most} bytes`, { cause: error })
    }
    throw corrupt(file, error)
  }
}

/**
 * Bytes that a gzipped IDX file should unpack to, by its own header; no more than that is unpacked to find out.
 * @param start of the file
 * @param stored bytes that it has in all
 * @throws FedunifyError `data` if it is not such a file, or so small that it cannot unpack to as much
 */
export async function unzippedSize(start: Uint8Array, stored: number, file: string, kind: IdxKind): Promise<number> {
  const gunzipped = createGunzip({ chunkSize: 64 })
  gunzipped.end(start)
  let head = Buffer.alloc(0)
  try {
    for await (const piece of gunzipped) {
      head = Buffer.concat([head, piece])
      if (head.length >= 4 + 4 * KINDS[kind].rank) break
    }
  } catch (error) {
    throw corrupt(file, error)
  }
  const { announced, words } = readHeader(head, file, kind)
  if (announced <= DENSEST * stored) return announced
  throw broken(
    file,
    `truncated: ${stored} bytes cannot unpack to the ${announced} that the header (${words}) announces`,
  )
}

/** @throws FedunifyError `data` if a file of `size` bytes that starts so is not as long as its header announces */
export function assertSize(start: Uint8Array, size: number, file: string, kind: IdxKind): void {
  const { announced, words } = readHeader(start, file, kind)
  if (size === announced) return
  const fault = size < announced ? 'truncated' : 'trailing bytes'
  throw broken(file, `${fault}: ${size} bytes, the header (${words}) announces ${announced}`)
}

/**
 * Reads an IDX file of unsigned-byte images (magic number 0x00000803).
 * @param bytes the whole file, not gzipped
 * @param file named in the errors
 * @throws FedunifyError `data` on a wrong magic number, a length that does not fit the header, or no images
 */
export function parseImages(bytes: Uint8Array, file: string): IdxImages {
  const [count = 0, rows = 0, cols = 0] = parseHeader(bytes, file, 'images')
  if (rows === 0 || cols === 0) throw broken(file, `images of ${rows} x ${cols} pixels`)
  return { count, rows, cols, pixels: bytes.subarray(16) }
}

/**
 * Reads an IDX file of unsigned-byte labels (magic number 0x00000801): a view into the parsed bytes.
 * @param bytes the whole file, not gzipped
 * @param file named in the errors
 * @throws FedunifyError `data` on a wrong magic number, a length that does not fit the header, or no labels
 */
export function parseLabels(bytes: Uint8Array, file: string): Uint8Array {
  parseHeader(bytes, file, 'labels')
  return bytes.subarray(8)
}

function parseHeader(bytes: Uint8Array, file: string, kind: IdxKind): readonly number[] {
  assertSize(bytes, bytes.length, file, kind)
  return readHeader(bytes, file, kind).shape
}

/** The shape that the first bytes of a file tell, in words too, and the bytes that it makes with the header. */
function readHeader(
  start: Uint8Array,
  file: string,
  kind: IdxKind,
): { shape: readonly number[]; words: string; announced: number } {
  const { magic, rank } = KINDS[kind]
  const header = 4 + 4 * rank
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  if (start.length >= 4 && view.getUint32(0) !== magic) {
    throw broken(file, `magic number ${hex(view.getUint32(0))}, expected ${hex(magic)} (${kind})`)
  }
  if (start.length < header) throw broken(file, `truncated: ${start.length} bytes, the header alone has ${header}`)
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  if (shape[0] === 0) throw broken(file, `holds no ${kind}`)
  return { shape, words: shape.join(' x '), announced: shape.reduce((product, size) => product * size, 1) + header }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

const corrupt = (file: string, error: unknown) =>
  broken(file, `gzip stream is truncated or corrupt (${messageOf(error)})`, { cause: error })

function broken(file: string, fault: string, options?: ErrorOptions): FedunifyError {
  return new FedunifyError(
    'E_DATASET',
    `${file}: ${fault}`,
    'the file is not the IDX file it should be: replace it',
    options,
  )
}
