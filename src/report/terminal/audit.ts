import { basename } from 'node:path'
import type { Measure } from '../../audit/attack.ts'
import type { Audited, AuditRow } from '../../audit/audit-run.ts'
import { plainAudited } from '../../audit/plain.ts'
import { oneLine } from '../../visible.ts'
import { markdownTable } from '../markdown-table.ts'
import { columns } from './columns.ts'
import { wrap } from './wrap.ts'

/** The audit of a run. */
export interface Audit extends Audited {
  readonly path: string
}

/** Every form of what `fedunify audit` found, by the name that `--format` takes. */
export const AUDIT_FORMATS = { terminal, markdown, json } satisfies Record<
  string,
  (audits: readonly Audit[], width?: number) => string
>

type Draw = (head: readonly string[], rows: readonly (readonly string[])[]) => string

function terminal(audits: readonly Audit[], width?: number): string {
  const parts = sections(audits, (head, rows) => columns(head, rows, width, 2, 2))
  return `${parts.map((text) => (text.includes('\n') ? text : wrap(text, width))).join('\n\n')}\n`
}

function markdown(audits: readonly Audit[]): string {
  return `${sections(audits, (head, rows) => markdownTable(head, rows, 2)).join('\n\n')}\n`
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json(audits: readonly Audit[]): string {
  const report = { format: FORMAT, audits: audits.map((audit) => ({ path: audit.path, ...plainAudited(audit) })) }
  return `${JSON.stringify(report, undefined, 2)}\n`
}

function sections(audits: readonly Audit[], draw: Draw): string[] {
  const each = audits.flatMap((audit) => sectionsOf(audit, draw))
  return audits.length === 1 ? each : [...each, sideBySide(audits, draw)]
}

function sectionsOf({ path, rows, notMade }: Audit, draw: Draw): string[] {
  const notes = [...new Set(rows.flatMap(({ name, notes = [] }) => notes.map((note) => `${name}: ${note}`)))]
  const figures = rows.flatMap((row) => row.measures.map((measure) => [row.attack, row.of, ...cells(measure)]))
  const table = rows.map((row) => [row.attack, row.of, `the ${row.by}`, ...cells(row.measures[0]), row.verdict])
  const needs = [...new Map(rows.map((row) => [row.name, `${row.name} needs ${row.needs}`])).values()]
  return [
    `${oneLine(path)}: what attacks make of what others see`,
    ...(rows.length > 0
      ? [
          draw(['attack', 'on', 'by', 'figure', 'result', 'a guess', 'verdict'], table),
          draw(['attack', 'on', 'figure', 'result', 'a guess'], figures),
        ]
      : []),
    ...needs,
    ...notes,
    ...notMade.map(({ name, reason }) => `not made: ${name}: ${oneLine(reason)}`),
  ]
}

const number = (value: number): string => (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(3)) // biome-ignore format: one line

function cells({ name, value, low, high, guess }: Measure): string[] {
  const interval = low === undefined || high === undefined ? '' : ` (${number(low)} to ${number(high)})`
  return [name, `${number(value)}${interval}`, guess === undefined ? '' : number(guess)]
}

/** Every figure that one of the runs has, with a column for each run. */
function sideBySide(audits: readonly Audit[], draw: Draw): string {
  const key = (row: AuditRow, measure: Measure) => [row.attack, `${row.of}: ${measure.name}`]
  const all = audits.map(({ rows }) => {
    const figures = rows.flatMap((row) =>
      row.measures.map((measure) => [key(row, measure).join('\n'), measure] as const),
    )
    return new Map(figures)
  })
  const keys = [...new Set(all.flatMap((one) => [...one.keys()]))]
  const rows = keys.map((one) => {
    const values = all.map((of) => of.get(one)).map((measure) => (measure ? number(measure.value) : ''))
    const guess = all.flatMap((of) => of.get(one)?.guess ?? [])[0]
    return [...one.split('\n'), ...values, guess === undefined ? '' : number(guess)]
  })
  return draw(['attack', 'figure', ...shortNames(audits.map(({ path }) => oneLine(path))), 'a guess'], rows)
}

/** Their last parts, if these tell them apart. */
function shortNames(paths: readonly string[]): readonly string[] {
  const names = paths.map((path) => basename(path))
  return new Set(names).size === names.length ? names : paths
}
