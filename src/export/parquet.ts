import type { ExportedRun } from './points.ts'
import { type Column, tidyColumns } from './table.ts'

/** Parquet's types of the table's columns: integers have 64 bits, as a seed may need them. */
const TYPES = { text: 'STRING', integer: 'INT64', number: 'DOUBLE' } as const

/** The tidy table as a Parquet file. A cell that does not apply is null. */
export async function tidyParquet(runs: readonly ExportedRun[]): Promise<Uint8Array> {
  // Only here: nothing else needs the format's library.
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const columnData = tidyColumns(runs).map(({ name, type, data }) => ({
    name,
    type: TYPES[type],
    data: type === 'integer' ? data.map(toBigInt) : [...data],
  }))
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}

const toBigInt = (value: Column['data'][number]) => (value === null ? null : BigInt(value))
