import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from 'onnx-buf'

/** A message's fields, as they are written down. */
type Fields<T extends DescMessage> = Extract<MessageInitShape<T>, { $typeName?: never }>
export type GraphFields = Fields<typeof GraphProtoSchema>
export type TensorFields = Fields<typeof TensorProtoSchema>

/** Numbers of the fields that hold other messages, or weights. */
const MODEL_GRAPH = 7
const GRAPH_INITIALIZER = 5
const TENSOR_RAW_DATA = 9

/**
 * The bytes of a model. The same as `toBinary` of the whole, which copies the weights five times over on their way
 * through messages within messages; here they are copied once, into memory of the right size.
 */
export function modelFile(model: Omit<Fields<typeof ModelProtoSchema>, 'graph'>, graph: GraphFields): Uint8Array {
  const { opsetImport = [], ...head } = model
  return Buffer.concat([
    encode(ModelProtoSchema, head),
    ...message(MODEL_GRAPH, graphParts(graph)),
    encode(ModelProtoSchema, { opsetImport }),
  ])
}

function graphParts({ initializer = [], input = [], output = [], ...nodes }: GraphFields): Uint8Array[] {
  return [
    encode(GraphProtoSchema, nodes),
    ...initializer.flatMap((tensor) => message(GRAPH_INITIALIZER, tensorParts(tensor as TensorFields))),
    encode(GraphProtoSchema, { input, output }),
  ]
}

function tensorParts({ rawData = new Uint8Array(), ...about }: TensorFields): Uint8Array[] {
  return [encode(TensorProtoSchema, about), ...message(TENSOR_RAW_DATA, [rawData])]
}

const encode = <T extends DescMessage>(schema: T, fields: Fields<T>) => toBinary(schema, create(schema, fields))

/** A field that holds bytes: its number and kind, their length, and they. */
function message(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return [Uint8Array.of((field << 3) | 2, ...varint(length)), ...parts]
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])
