import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { maskedCrc32c } from './crc32c.ts'
import { type ExportedRun, type Point, tagOf } from './points.ts'

/**
 * What TensorBoard takes for a file of events. The names of these files hold a time and a host; ours hold none, so that
 * the same run gives the same file.
 */
export const EVENT_FILE = 'events.out.tfevents.0.fedunify'

/**
 * A run as a file of events for TensorBoard: a scalar for each figure, its step the round, its wall time the start of
 * the run and as many seconds as the round's number. Values have 32 bits.
 * @see https://github.com/tensorflow/tensorboard, compat/proto/event.proto and summary.proto
 */
export function eventFile({ run, points }: ExportedRun): Uint8Array {
  const began = Date.parse(run.manifest.started) / 1000
  const begin = new BinaryWriter()
  begin.tag(1, WireType.Bit64).double(began)
  begin.tag(3, WireType.LengthDelimited).string('brain.Event:2')
  const events = points.map((point) => scalarEvent(point, began + point.round))
  return Buffer.concat([begin.finish(), ...events].map(record))
}

/** Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } } */
function scalarEvent(point: Point, time: number): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Bit64).double(time)
  writer.tag(2, WireType.Varint).int64(point.round)
  writer.tag(5, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).string(tagOf(point))
  writer.tag(2, WireType.Bit32).float(point.value)
  return writer.join().join().finish()
}

/** A record of a TFRecord file: its length and the CRC of that, then its bytes and the CRC of these. */
function record(data: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(8 + 4 + data.length + 4)
  framed.writeBigUInt64LE(BigInt(data.length), 0)
  framed.writeUInt32LE(maskedCrc32c(framed.subarray(0, 8)), 8)
  framed.set(data, 12)
  framed.writeUInt32LE(maskedCrc32c(data), 12 + data.length)
  return framed
}
