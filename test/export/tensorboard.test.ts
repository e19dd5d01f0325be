import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../src/export/crc32c.ts'
import { exportedRuns } from '../../src/export/points.ts'
import { eventFile } from '../../src/export/tensorboard.ts'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

/** CRC-32C bit by bit, as RFC 3720 defines it. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

/** Undoes the mask of TFRecord files. */
function unmask(masked: number): number {
  const turned = (masked - 0xa282ead8) >>> 0
  return ((turned >>> 17) | (turned << 15)) >>> 0
}

/** The records of a TFRecord file; both CRCs of each must fit. */
function records(file: Buffer): Buffer[] {
  const all: Buffer[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at))
    expect(unmask(file.readUInt32LE(at + 8))).toBe(slowCrc(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(unmask(file.readUInt32LE(at + 12 + length))).toBe(slowCrc(data))
    all.push(data)
    at += 12 + length + 4
  }
  return all
}

/** The fields of a protobuf message by their numbers. */
function fields(message: Buffer): Map<number, Buffer | number> {
  const found = new Map<number, Buffer | number>()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    const [number, wire] = [key >>> 3, key & 7]
    if (wire === 0) found.set(number, varint())
    else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : varint()
      found.set(number, message.subarray(at, at + length))
      at += length
    }
  }
  return found
}

const inner = (message: Map<number, Buffer | number>, number: number) => message.get(number) as Buffer

/** An Event of TensorBoard with one scalar. */
function scalar(record: Buffer) {
  const event = fields(record)
  const value = fields(inner(fields(inner(event, 5)), 1))
  return {
    time: inner(event, 1).readDoubleLE(),
    step: event.get(2),
    tag: inner(value, 1).toString(),
    value: inner(value, 2).readFloatLE(),
  }
}

describe('CRC-32C', () => {
  it('gives what RFC 3720 lists', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })
})

describe('a file of events for TensorBoard', () => {
  it('has a record for its version, and one for each figure', async () => {
    const [run] = exportedRuns([await loadRun(writeRun(join(temporaryFolder(), 'one')))])
    const file = Buffer.from(eventFile(run!))
    // So begins every file that TensorFlow writes: the first record has 24 bytes.
    expect(file.subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22')
    const [version, ...rest] = records(file)
    expect(inner(fields(version!), 3).toString()).toBe('brain.Event:2')
    const scalars = rest.map(scalar)
    expect(scalars).toHaveLength(39)
    const began = Date.parse('2021-12-31T10:00:00.000Z') / 1000
    expect(scalars.filter(({ tag }) => tag === 'accuracy/avg')).toEqual([
      { time: began + 1, step: 1, tag: 'accuracy/avg', value: 0.5 },
      { time: began + 2, step: 2, tag: 'accuracy/avg', value: 0.75 },
      { time: began + 3, step: 3, tag: 'accuracy/avg', value: Math.fround(0.7) },
    ])
    const owner = scalars.filter(({ tag }) => tag === 'local_accuracy/owner_2')
    expect(owner.map(({ value }) => value)).toEqual([0.95, 0.96, 0.97].map(Math.fround))
  })
})
