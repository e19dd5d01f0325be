import { crc32, deflateSync } from 'node:zlib'

/**
 * A grey image as PNG (8 bits, no alpha), without compression, so that the same image gives the same bytes everywhere.
 * Source: W3C, PNG specification, third edition, sections 5 and 11.
 * @param pixels [rows, cols], 0 black to 255 white
 */
export function greyPng(pixels: Uint8Array, rows: number, cols: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(cols, 0)
  header.writeUInt32BE(rows, 4)
  header[8] = 8
  // Each line begins with its filter: 0, none.
  const lines = Buffer.alloc(rows * (cols + 1))
  for (let row = 0; row < rows; row++) lines.set(pixels.subarray(row * cols, (row + 1) * cols), row * (cols + 1) + 1)
  const data = deflateSync(lines, { level: 0 })
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
