import { FedunifyError, unknownName } from '../errors.ts'
import { type FieldValue, fieldNames, isAccuracy, valuesOf } from './fields.ts'
import type { RunRow } from './row.ts'

const OPERATORS = {
  '=': (order: number) => order === 0,
  '!=': (order: number) => order !== 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
} satisfies Record<string, (order: number) => boolean>

/** One comparison of a field of a row. */
export interface Condition {
  readonly text: string
  readonly field: string
  readonly operator: keyof typeof OPERATORS
  readonly value: string
}

/** `env=H`, `unified > 0.85`. @throws FedunifyError (usage) if it is none */
export function parseCondition(text: string): Condition {
  const [, field, operator, value] = /^\s*([^\s=!<>]+)\s*(>=|<=|!=|==?|>|<)\s*(.*?)\s*$/s.exec(text) ?? []
  if (field === undefined || !value) {
    const hint = "for example --where env=H, or --where 'unified>0.85'"
    throw new FedunifyError('E_OPTION', `--where ${text}: expected a key, one of ${SIGNS} and a value`, hint)
  }
  return { text, field, operator: (operator === '==' ? '=' : operator) as keyof typeof OPERATORS, value }
}

const SIGNS = Object.keys(OPERATORS).join(' ')

/**
 * The rows for which every condition holds. Of several values, as the ids of a group, one is enough; with != none may be
 * equal.
 * @throws FedunifyError (usage) for a field that there is not, or an accuracy above 1
 */
export function rowsWhere(rows: readonly RunRow[], conditions: readonly Condition[]): RunRow[] {
  const tests = conditions.map((condition) => testOf(rows, condition))
  return rows.filter((row) => tests.every((holds) => holds(row)))
}

function testOf(rows: readonly RunRow[], condition: Condition): (row: RunRow) => boolean {
  const { field, operator } = condition
  assertField(field, rows)
  const wanted = isAccuracy(rows, field) ? fractionOf(condition) : condition.value
  const holds = (value: FieldValue) => OPERATORS[operator](compareFields(value, wanted))
  return (row) => {
    const values = valuesOf(row, field)
    return operator === '!=' ? values.every(holds) : values.some(holds)
  }
}

/** @throws FedunifyError (usage) if no row can have it */
export function assertField(field: string, rows: readonly RunRow[]): void {
  const [key = '', inner] = field.split('.')
  const legal = fieldNames(rows)
  if (legal.includes(field) || (inner !== undefined && legal.includes(key))) return
  throw unknownName('key', field, legal)
}

function fractionOf({ text, value }: Condition): number {
  const [, digits = value, percent] = /^(.*?)\s*(%)?$/s.exec(value)!
  const fraction = percent ? Number(digits) / 100 : Number(digits)
  if (digits !== '' && fraction >= 0 && fraction <= 1) return fraction
  throw new FedunifyError('E_OPTION', `--where ${text}: an accuracy is a fraction`, 'for example 0.85, or 85%')
}

/** Numbers by their value, whatever else as text. */
export function compareFields(a: FieldValue, b: FieldValue): number {
  const [x, y] = [Number(a), Number(b)]
  if (a !== '' && b !== '' && !Number.isNaN(x) && !Number.isNaN(y)) return x - y
  return String(a) < String(b) ? -1 : Number(String(a) > String(b))
}
