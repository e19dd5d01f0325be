import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { FedunifyError, messageOf } from '../errors.ts'

// The IDX format: https://yann.lecun.com/exdb/mnist/ — two zero bytes, the element type (08 = unsigned byte),
// the number of dimensions, each dimension as a big-endian u32, then the elements, row by row.
const IMAGES = 0x00000803
const LABELS = 0x00000801

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
 * @throws FedunifyError `data` if the gzip stream is truncated or corrupt
 */
export async function unzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes
  try {
    return await inflate(bytes, { chunkSize: inflatedSize(bytes) })
  } catch (error) {
    throw broken(file, `gzip stream is truncated or corrupt (${messageOf(error)})`, { cause: error })
  }
}

/** SHA-256 of bytes, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Reads an IDX file of unsigned-byte images (magic number 0x00000803).
 * @param bytes the whole file, not gzipped
 * @param file named in the errors
 * @throws FedunifyError `data` on a wrong magic number, a length that does not fit the header, or no images
 */
export function parseImages(bytes: Uint8Array, file: string): IdxImages {
  const [count = 0, rows = 0, cols = 0] = parseHeader(bytes, file, IMAGES, 3, 'images')
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
  parseHeader(bytes, file, LABELS, 1, 'labels')
  return bytes.subarray(8)
}

function parseHeader(bytes: Uint8Array, file: string, magic: number, rank: number, what: string): number[] {
  const header = 4 + 4 * rank
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length >= 4 && view.getUint32(0) !== magic) {
    throw broken(file, `magic number ${hex(view.getUint32(0))}, expected ${hex(magic)} (${what})`)
  }
  if (bytes.length < header) throw broken(file, `truncated: ${bytes.length} bytes, the header alone has ${header}`)
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  if (shape[0] === 0) throw broken(file, `holds no ${what}`)
  const expected = shape.reduce((product, size) => product * size, 1) + header
  if (bytes.length !== expected) {
    const fault = bytes.length < expected ? 'truncated' : 'trailing bytes'
    throw broken(file, `${fault}: ${bytes.length} bytes, the header (${shape.join(' x ')}) announces ${expected}`)
  }
  return shape
}

/** The last four bytes of a gzip file are the inflated size: one allocation of it saves thousands of small ones. */
function inflatedSize(bytes: Uint8Array): number {
  if (bytes.length < 18) return 64
  const claimed = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true)
  // A corrupt trailer may claim anything. The spare bytes let the stream end inside the first allocation.
  return Math.min(claimed + 64, 2 ** 28)
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

function broken(file: string, fault: string, options?: ErrorOptions): FedunifyError {
  return new FedunifyError(
    'data',
    `${file}: ${fault}`,
    'the file is not the IDX file it should be: replace it',
    options,
  )
}
