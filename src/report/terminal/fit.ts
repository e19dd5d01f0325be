import { oneLine } from '../../visible.ts'
import { columns, GAP } from './columns.ts'

/** A column of a table, by its title and a cell for each row. */
export interface Column {
  readonly title: string
  readonly cells: readonly string[]
  readonly left?: boolean
  /** Left out if there is no room for all: those with the largest number first. Without one it stays. */
  readonly spare?: number
}

export interface Fitted {
  readonly text: string
  /** Titles of the columns that are left out. */
  readonly missing: readonly string[]
}

const widthOf = ({ title, cells }: Column) => Math.max(...[title, ...cells].map((text) => oneLine(text).length))

/**
 * A table that is no wider than a terminal: spare columns are left out as far as needed. If it is still too wide, each
 * row is a list of all that it has, one below the other.
 * @param width characters of a line; undefined for any
 */
export function fitted(all: readonly Column[], width = Number.POSITIVE_INFINITY): Fitted {
  const widths = new Map(all.map((column) => [column, widthOf(column)]))
  const isWithin = (columns: readonly Column[]) =>
    columns.reduce((sum, column) => sum + widths.get(column)! + GAP, -GAP) <= width
  let shown = all
  while (!isWithin(shown)) {
    const most = Math.max(...shown.map(({ spare = -1 }) => spare))
    if (most < 0) return { text: lists(all, width), missing: [] }
    shown = shown.filter(({ spare }) => spare !== most)
  }
  const missing = all.filter((column) => !shown.includes(column)).map(({ title }) => title)
  const left = shown.filter((column) => column.left).length
  const text = columns(titlesOf(shown), rowsOf(shown), undefined, 1, left).replace(/ +$/gm, '')
  return { text, missing }
}

export const titlesOf = (all: readonly Column[]): string[] => all.map(({ title }) => title)

/** The cells by rows. */
export const rowsOf = (all: readonly Column[]): string[][] =>
  (all[0]?.cells ?? []).map((_, i) => all.map(({ cells }) => cells[i]!))

/** Characters of a cell's line at least, however narrow the terminal. */
const LEAST = 20

function lists(all: readonly Column[], width: number): string {
  const most = Math.max(...all.map(({ title }) => title.length))
  const titles = titlesOf(all)
  const [indent, room] = [' '.repeat(most + GAP), Math.max(LEAST, width - most - GAP)]
  const list = (row: readonly string[]) =>
    row.map((cell, i) => `${titles[i]!.padEnd(most + GAP)}${broken(oneLine(cell), room).join(`\n${indent}`)}`)
  return rowsOf(all)
    .map((row) => list(row).join('\n'))
    .join('\n\n')
}

/** A text in lines of at most so many characters: each ends behind a mark between words, if it has one. */
const broken = (text: string, room: number): readonly string[] =>
  text.match(new RegExp(`.{1,${room}}$|.{0,${room - 1}}[-_:;,/+= ]|.{1,${room}}`, 'g')) ?? ['']
