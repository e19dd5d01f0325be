import { oneLine } from '../../visible.ts'
import { columns } from './columns.ts'

/** A column of a table, by its title and a cell for each row. */
export interface Column {
  readonly title: string
  readonly cells: readonly string[]
  readonly left?: boolean
  /** Left out where there is no room for all: those with the largest number first. Without one it stays. */
  readonly spare?: number
}

export interface Fitted {
  readonly text: string
  /** Titles of the columns that are left out. */
  readonly missing: readonly string[]
}

/** Between two columns. */
const GAP = 2

const widthOf = ({ title, cells }: Column) => Math.max(...[title, ...cells].map((text) => oneLine(text).length))

const isWithin = (width: number, shown: readonly Column[]) =>
  shown.reduce((sum, column) => sum + widthOf(column) + GAP, -GAP) <= width

/**
 * A table that is no wider than a terminal: spare columns are left out as far as needed. If it is still too wide, each
 * row is a list of all that it has, one below the other.
 * @param width characters of a line; undefined for any
 */
export function fitted(all: readonly Column[], width = Number.POSITIVE_INFINITY): Fitted {
  let shown = all
  while (!isWithin(width, shown)) {
    const most = Math.max(...shown.map(({ spare = -1 }) => spare))
    if (most < 0) return { text: lists(all), missing: [] }
    shown = shown.filter(({ spare }) => spare !== most)
  }
  const missing = all.filter((column) => !shown.includes(column)).map(({ title }) => title)
  return { text: tableOf(shown), missing }
}

/**
 * A table in several parts, one below the other, each no wider than a terminal and with the first columns again.
 * @param keys how many these are
 */
export function inParts(all: readonly Column[], keys: number, width = Number.POSITIVE_INFINITY): string {
  const first = all.slice(0, keys)
  const parts: Column[][] = []
  for (const column of all.slice(keys)) {
    const part = parts.at(-1)
    if (part && isWithin(width, [...first, ...part, column])) part.push(column)
    else parts.push([column])
  }
  return (parts.length > 0 ? parts : [[]]).map((part) => tableOf([...first, ...part])).join('\n\n')
}

function tableOf(shown: readonly Column[]): string {
  const rows = (shown[0]?.cells ?? []).map((_, i) => shown.map(({ cells }) => cells[i]!))
  const text = columns(
    shown.map(({ title }) => title),
    rows,
    shown.filter(({ left }) => left).length,
  )
  return text.replace(/ +$/gm, '')
}

function lists(all: readonly Column[]): string {
  const most = Math.max(...all.map(({ title }) => title.length))
  const rows = (all[0]?.cells ?? []).map((_, i) =>
    all.map(({ title, cells }) => `${title.padEnd(most)}  ${oneLine(cells[i]!)}`).join('\n'),
  )
  return rows.join('\n\n')
}

/**
 * Text on lines no longer than `width`, broken between words alone: a longer word has a line of its own.
 * @param indent of every line but the first
 */
export function wrapped(text: string, width = Number.POSITIVE_INFINITY, indent = ''): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(line === undefined ? word : `${indent}${word}`)
  }
  return lines.join('\n')
}
