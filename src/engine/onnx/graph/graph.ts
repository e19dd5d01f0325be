import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf'
import { type GraphFields, modelFile } from './model-file.ts'

export type ElementType = 'float32' | 'float64' | 'uint8' | 'int32' | 'uint32' | 'int64' | 'bool'

/** An attribute as a caller writes it: integers are INT; `{ float }` tells a whole FLOAT apart. */
export type Attribute = number | readonly number[] | string | { readonly float: number } | Graph

const DATA_TYPE: Record<ElementType, DataType> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  uint8: DataType.UINT8,
  int32: DataType.INT32,
  uint32: DataType.UINT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
}

const NCHWC = 'com.microsoft.nchwc'

/** The ONNX number of an element type, for Cast. */
export const elementType = (type: ElementType): number => DATA_TYPE[type]

/** A dimension of a graph's input or output: its length, or a name if the length is free. */
export type Dimension = number | string

/**
 * Builds one ONNX graph, node by node. Names are unique over a graph and its bodies, because an ONNX
 * subgraph sees the names around it.
 */
export class Graph {
  readonly #name: string
  readonly #names: { next: number }
  readonly #nodes: MessageInitShape<typeof NodeProtoSchema>[] = []
  readonly #constants: MessageInitShape<typeof TensorProtoSchema>[] = []
  readonly #inputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = []
  readonly #outputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = []
  readonly #known = new Map<string, string>()
  /** Operator domains besides the standard one. */
  readonly #domains: Set<string>

  constructor(name: string, outer?: Graph) {
    this.#name = name
    this.#names = outer ? outer.#names : { next: 0 }
    this.#domains = outer ? outer.#domains : new Set()
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, shape))
    return name
  }

  output(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#outputs.push(valueInfo(name, type, shape))
    return name
  }

  /** A constant tensor; small equal ones are shared. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>, name?: string): string {
    const key = !name && values.length <= 16 ? `${type}|${shape}|${Array.from(values)}` : undefined
    const known = key && this.#known.get(key)
    if (known) return known
    const constant = name ?? this.#fresh('const')
    this.#constants.push({
      name: constant,
      dataType: DATA_TYPE[type],
      dims: shape.map(BigInt),
      rawData: rawBytes(type, values),
    })
    if (key) this.#known.set(key, constant)
    return constant
  }

  scalar(value: number): string {
    return this.constant('float32', [], [value])
  }

  /** A 1-D int64 constant: the form of shapes and axes. */
  ints(...values: number[]): string {
    return this.constant('int64', [values.length], values)
  }

  /** Adds a node and returns the name of its (first) output. */
  op(type: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}, outputs?: string[]): string {
    return this.#node('', type, inputs, attributes, outputs)
  }

  /** Adds a node of the runtime's own domain for blocked channels. */
  nchwc(type: string, inputs: readonly string[], attributes: Record<string, Attribute>): string {
    this.#domains.add(NCHWC)
    return this.#node(NCHWC, type, inputs, attributes)
  }

  #node(
    domain: string,
    type: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute>,
    outputs?: string[],
  ): string {
    const output = outputs ?? [this.#fresh(type)]
    this.#nodes.push({
      name: this.#fresh(`node_${type}`),
      domain,
      opType: type,
      input: [...inputs],
      output,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    })
    return output[0]!
  }

  reshape(x: string, ...shape: number[]): string {
    return this.op('Reshape', [x, this.ints(...shape)])
  }

  transpose(x: string, ...perm: number[]): string {
    return this.op('Transpose', [x], { perm })
  }

  /** Parts of these lengths along an axis; one part is all of it. */
  split(x: string, lengths: readonly number[], axis = 0): string[] {
    if (lengths.length === 1) return [x]
    const parts = lengths.map(() => this.#fresh('Split'))
    this.op('Split', [x, this.ints(...lengths)], { axis }, parts)
    return parts
  }

  reduceSum(x: string, ...axes: number[]): string {
    return this.op('ReduceSum', [x, this.ints(...axes)], { keepdims: 0 })
  }

  /**
   * Keeps what it is given where `sign` is above 0, and makes the rest 0. A sigmoid steep enough to be a step is quicker
   * than to compare and to cast.
   *
   * A mask for the way back is best written on the way forward, next to `sign`. Of what an operator reads, the runtime
   * computes first what was written last. So the mask comes right before its product, and is still in the cache then.
   */
  wherePositive(sign: string): (x: string) => string {
    const mask = this.op('HardSigmoid', [sign], { alpha: { float: 3e38 }, beta: { float: 0 } })
    return (x) => this.op('Mul', [mask, x])
  }

  proto(): GraphFields {
    return {
      name: this.#name,
      node: this.#nodes,
      initializer: this.#constants,
      input: this.#inputs,
      output: this.#outputs,
    }
  }

  /** The bytes of a model file. IR version and opset are the oldest that have every operator used. */
  model(opset: number, irVersion: number): Uint8Array {
    return modelFile(
      {
        irVersion: BigInt(irVersion),
        producerName: 'fedunify',
        opsetImport: [
          { domain: '', version: BigInt(opset) },
          ...[...this.#domains].map((domain) => ({ domain, version: 1n })),
        ],
      },
      this.proto(),
    )
  }

  #fresh(stem: string): string {
    return `${stem}_${this.#names.next++}`
  }
}

const ARRAY = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint8Array,
} as const

function rawBytes(type: ElementType, values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const typed = typedArray(type, values)
  return new Uint8Array(typed.buffer as ArrayBuffer, typed.byteOffset, typed.byteLength)
}

/** Weights are as they should be, and are not copied; `from` would make a list of their numbers, one by one. */
function typedArray(type: ElementType, values: ArrayLike<number>) {
  if (type === 'int64') return BigInt64Array.from(Array.from(values, BigInt))
  const Kind = ARRAY[type] as typeof Float32Array
  return values instanceof Kind ? values : new Kind(values)
}

function valueInfo(
  name: string,
  type: ElementType,
  shape: readonly Dimension[],
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((d) => ({
    value:
      typeof d === 'string'
        ? ({ case: 'dimParam', value: d } as const)
        : ({ case: 'dimValue', value: BigInt(d) } as const),
  }))
  return { name, type: { value: { case: 'tensorType', value: { elemType: DATA_TYPE[type], shape: { dim } } } } }
}

function attribute(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (value instanceof Graph) return { name, type: AttributeType.GRAPH, g: value.proto() }
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) }
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float }
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) }
}
