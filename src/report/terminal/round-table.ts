import { accuracy, type Evaluation } from '../../engine/engine.ts'
import type { RoundFinished, Started } from '../../federation/events.ts'
import { duration, percent } from '../../format.ts'
import { extremes } from '../../stats.ts'
import type { Palette } from '../../visible.ts'
import { epsilonText } from '../privacy-text.ts'

/** Of more owners than this, the spread is shown. */
const MAX_LOCALS = 4
/** Owners that were drawn for a round: of more, none is named. */
const MAX_DRAWN = 5
/** The head is said again after so many rounds. */
const ROUNDS_BELOW = 20
/** 100.00 */
const PERCENT = 6
/** 10.3 s, 12:05, 1:02:03 */
const TIME = 7

interface Column {
  readonly title: string
  readonly width: number
  cell(event: RoundFinished, left: number | undefined): string
  readonly paint?: keyof Palette
}

/** The rounds of a run as a table that grows by a line: accuracies in percent, seconds of the round and those left. */
export class RoundTable {
  readonly #columns: readonly Column[]
  readonly #rounds: number
  readonly #colors: Palette
  readonly #draws: boolean
  #rows = 0

  /** @param width characters of a line; columns that do not fit are left out, times first */
  constructor(started: Started, width: number, colors: Palette) {
    this.#rounds = started.rounds
    const { participants = Number.POSITIVE_INFINITY, owners } = started
    this.#draws = participants <= MAX_DRAWN
    const drawn = this.#draws ? drawnText(owners.slice(-participants)).length : 0
    this.#colors = colors
    this.#columns = layout(started, width - this.#label(started.rounds).length - drawn)
  }

  /** The line of a round, below the head if that is due. */
  lines(event: RoundFinished, left: number | undefined): string[] {
    const absent = event.absent.length > 0 ? `  without owner ${event.absent.join(', ')}` : ''
    const row = this.#line(this.#label(event.round), ({ cell }) => cell(event, left)) + this.#drawn(event) + absent
    return this.#rows++ % ROUNDS_BELOW === 0 ? [this.#head(), row] : [row]
  }

  /** Who trained, if these were drawn and are few enough for a line. */
  #drawn({ locals }: RoundFinished): string {
    return this.#draws ? this.#colors.dim(drawnText(locals.map(({ owner }) => owner))) : ''
  }

  #head(): string {
    const blank = ' '.repeat(this.#label(this.#rounds).length)
    return this.#colors.dim(`${blank}${this.#columns.map(({ title, width }) => `  ${title.padStart(width)}`).join('')}`)
  }

  #line(label: string, text: (column: Column) => string): string {
    const cells = this.#columns.map((column) => {
      const cell = text(column).padStart(column.width)
      return `  ${column.paint ? this.#colors[column.paint](cell) : cell}`
    })
    return (label + cells.join('')).trimEnd()
  }

  /** round  3/10 */
  #label(round: number): string {
    return `round ${String(round).padStart(String(this.#rounds).length)}/${this.#rounds}`
  }
}

const drawnText = (owners: readonly number[]) => `  owner ${owners.join(', ')}`

function layout({ owners, merges, baseline, privacy }: Started, width: number): readonly Column[] {
  const locals = owners.map((_, i) => share(`local ${owners[i]}`, ({ locals }) => localOf(locals, owners[i]!)))
  const spread = (['min', 'median', 'max'] as const).map((what) =>
    share(what === 'min' ? 'local min' : what, ({ locals }) => spreadOf(locals)?.[what]),
  )
  const unified = merges.map((name, i) => ({
    ...share(name, ({ merges }) => told(merges[i]!.unified)),
    ...(i === 0 && { paint: 'bold' as const }),
  }))
  const pooled = baseline ? [share('pooled', ({ baseline: one }) => told(one?.local))] : []
  const spent = privacy ? [EPSILON] : []
  const first = owners.length > MAX_LOCALS ? spread : locals
  const layouts = [
    [first, [TIME_TAKEN, TIME_LEFT]],
    [first, [TIME_LEFT]],
    [first, []],
    [[spread[0]!, spread[2]!], [TIME_LEFT]],
    [[], [TIME_LEFT]],
    [[], []],
  ].map(([own, times]) => [...own!, ...unified, ...pooled, ...spent, ...times!])
  const total = (columns: readonly Column[]) => columns.reduce((sum, column) => sum + 2 + column.width, 0)
  return layouts.find((columns) => total(columns) <= width) ?? layouts.at(-1)!
}

const localOf = (locals: RoundFinished['locals'], owner: number) => {
  const own = locals.find((local) => local.owner === owner)
  return told(own?.local)
}

/** Of the owners that tell theirs. */
function spreadOf(locals: RoundFinished['locals']) {
  const fractions = locals.flatMap(({ local }) => told(local) ?? [])
  return fractions.length > 0 ? extremes(fractions) : undefined
}

/** An accuracy, if an owner has told it. */
const told = (evaluation: Evaluation | undefined) => evaluation && accuracy(evaluation)

const share = (title: string, of: (event: RoundFinished) => number | undefined): Column => ({
  title,
  width: Math.max(PERCENT, title.length),
  cell(event) {
    const fraction = of(event)
    return fraction === undefined ? '-' : percent(fraction)
  },
})

/** What the noise has cost so far: it is never left out. */
const EPSILON: Column = {
  title: 'epsilon',
  width: TIME,
  cell: ({ privacy }) => epsilonText(privacy?.epsilon),
}

const TIME_TAKEN: Column = {
  title: 'time',
  width: TIME,
  cell: ({ seconds: { train, merge, evaluate } }) => shortDuration(train + merge + evaluate),
  paint: 'dim',
}

const TIME_LEFT: Column = {
  title: 'left',
  width: TIME,
  cell: (_, left) => (left ? shortDuration(left) : ''),
  paint: 'dim',
}

/** 8.4 s, 1:20, 2:05:00: as `duration`, but never wide. */
function shortDuration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return duration(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}
