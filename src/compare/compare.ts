import { FedunifyError } from '../errors.ts'
import { ownerOf, POOLED_SERIES } from '../runs/series-name.ts'
import type { Difference } from '../stats.ts'
import { pointsBetween, type Ranking, rankSides, seedNotes } from './seeds.ts'
import { type ComparedRound, type Figure, SENT_BACK, type Side } from './side.ts'
import { letter, unlikeSides } from './unlike.ts'

/** A figure, and how far it is from the first side's, in percentage points. */
export interface Cell extends Figure {
  readonly delta: number | undefined
  /** The same with its interval; undefined if one of the two has a single seed, or tells none. */
  readonly difference: Difference | undefined
}

export interface ComparedRow {
  readonly at: ComparedRound
  readonly series: string
  /** One for each side; undefined if it has no such figure. */
  readonly cells: readonly (Cell | undefined)[]
}

export interface Comparison {
  readonly sides: readonly Pick<Side, 'name' | 'detail'>[]
  readonly rows: readonly ComparedRow[]
  /** Of three sides or more, the best at the last of the rounds. */
  readonly ranking: Ranking | undefined
  /** Why figures beside each other do not compare. */
  readonly warnings: readonly string[]
  /** What a reader must know to take the figures for what they are. */
  readonly notes: readonly string[]
}

/**
 * Sides beside each other, with differences from the first. Pure.
 * @throws FedunifyError (data) if no side has any of the rounds
 */
export function compareSides(sides: readonly Side[], rounds: readonly ComparedRound[]): Comparison {
  const series = [...new Set(sides.flatMap((side) => side.series))].sort((a, b) => rank(a) - rank(b))
  const drivers = new Set(sides.flatMap(({ driver }) => driver ?? []))
  // Runs that different rules drive have no row in common but this one.
  const shown = drivers.size > 1 ? [...series, SENT_BACK].sort((a, b) => rank(a) - rank(b)) : series
  const rows = rounds.flatMap((at) => shown.map((name) => comparedRow(sides, name, at)))
  const filled = rows.filter(({ cells }) => cells.some(Boolean))
  if (filled.length === 0) {
    const told = series.length > 0
    throw new FedunifyError(
      'E_RUN_NOT_FOUND',
      told ? `no side has a round of ${rounds.join(', ')}` : 'no side has an accuracy',
      told ? 'choose others with --rounds' : 'no round was finished, or no owner shares its metrics',
    )
  }
  const empty = rounds.filter((at) => !filled.some((row) => row.at === at))
  const notes = [
    ...sides.flatMap((side) => side.notes),
    ...sides.flatMap((side, i) => missingSeries(side, i, series)),
    ...sides.slice(1).flatMap((side, i) => differing(sides[0]!, side, i + 1)),
    ...empty.map((at) => `no side has round ${at}`),
    ...seedNotes(sides),
  ]
  const warnings = unlikeSides(sides, rounds)
  const ranking = rankSides(sides, filled.at(-1)!.at)
  return { sides: sides.map(({ name, detail }) => ({ name, detail })), rows: filled, ranking, warnings, notes }
}

/** Owners by number, then what is sent back, the merges as they come, the baseline. */
function rank(series: string): number {
  const owner = ownerOf(series)
  if (owner !== undefined) return owner - 1e9
  if (series === SENT_BACK) return -1
  return series === POOLED_SERIES ? 1 : 0
}

function comparedRow(sides: readonly Side[], series: string, at: ComparedRound): ComparedRow {
  const figures = sides.map((side) => side.figure(series, at))
  const [first] = figures
  const cells = figures.map((figure, i) => {
    if (!figure) return undefined
    if (i === 0 || !first) return { ...figure, delta: undefined, difference: undefined }
    return { ...figure, delta: 100 * (figure.mean - first.mean), difference: pointsBetween(figure, first) }
  })
  return { at, series, cells }
}

function missingSeries({ series }: Side, i: number, all: readonly string[]): string[] {
  const missing = all.filter((name) => !series.includes(name))
  return missing.length > 0 ? [`${letter(i)} has no ${missing.join(', ')}`] : []
}

/** A difference may come from other settings. */
function differing(first: Side, side: Side, i: number): string[] {
  if (!first.config || !side.config) return []
  const [a, b] = [first.config, side.config]
  const show = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value))
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => show(a[key]) !== show(b[key]))
  if (keys.length === 0) return []
  const list = keys.map((key) => {
    const [own, other] = [show(b[key]), show(a[key])]
    // A list of layers would fill the screen.
    return own.length + other.length > 80 ? `another ${key}` : `${key} ${own} (${letter(0)}: ${other})`
  })
  return [`${letter(i)} was run with other settings: ${list.join(', ')}`]
}
