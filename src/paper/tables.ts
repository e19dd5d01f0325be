import { thousands } from '../format.ts'

/** The series that the tables have a column of, by the names that they have in a run (see runs/series-name.ts). */
export const PAPER_SERIES = ['local_1', 'local_2', 'avg', 'max', 'absmax'] as const

export type PaperSeries = (typeof PAPER_SERIES)[number]

/** A printed row: accuracies in percent, as printed. */
export interface PaperRow extends Readonly<Record<PaperSeries, number>> {
  /** What the paper calls the epoch. */
  readonly round: number
}

export interface PaperTable {
  readonly number: 3 | 4
  /** The environment that it is of. */
  readonly env: 'V' | 'H'
  readonly source: string
  readonly rows: readonly PaperRow[]
}

/** The epoch of the last row, which is beside the last round of a run. */
const LAST_EPOCH = 5000

/** As people read it: 5,000. */
export const LAST_EPOCH_TEXT = thousands(LAST_EPOCH)

export const PAPER_DOI = '10.9708/jksci.2021.26.12.069'

function row(round: number, ...printed: readonly [number, number, number, number, number]): PaperRow {
  const [local_1, local_2, avg, max, absmax] = printed
  return { round, local_1, local_2, avg, max, absmax }
}

/**
 * Tables 3 and 4 of J.-L. Lee, "Unification of Deep Learning Model trained by Parallel Learning in Security
 * environment", JKSCI 26(12), 2021, doi:10.9708/jksci.2021.26.12.069: all the rows that are printed, in percent.
 *
 * The local columns are each owner's model on its own test images: in H on its own five labels, so not comparable with
 * the unified model on all ten. H/avg ends at 78.68 in Table 4 and in section IV, which stands here; the paper's
 * conclusion says 78.86.
 */
export const PAPER_TABLES: readonly PaperTable[] = [
  {
    number: 3,
    env: 'V',
    source: 'Lee 2021, Table 3',
    rows: [
      row(1, 91.41, 91.51, 76.13, 18.28, 71.1),
      row(2, 92.43, 92.13, 93.0, 85.32, 91.53),
      row(3, 92.46, 92.96, 93.44, 58.03, 92.5),
      row(LAST_EPOCH, 93.26, 92.43, 93.73, 89.6, 93.22),
    ],
  },
  {
    number: 4,
    env: 'H',
    source: 'Lee 2021, Table 4',
    rows: [
      row(1, 93.71, 98.33, 47.33, 11.49, 47.08),
      row(2, 94.58, 98.28, 56.4, 49.51, 56.95),
      row(3, 95.01, 98.48, 64.49, 27.14, 62.76),
      row(LAST_EPOCH, 95.02, 98.41, 78.68, 71.49, 70.73),
    ],
  },
]

/** The table of an environment; undefined for those that the paper does not have. */
export const paperTableFor = (env: string): PaperTable | undefined => PAPER_TABLES.find((table) => table.env === env)

/** The round of a run that a row is beside. */
export const roundBeside = ({ round }: PaperRow): number | 'end' => (round === LAST_EPOCH ? 'end' : round)

/** What a row has of a series, in percent; undefined if the paper has no such column. */
export function printedOf(row: PaperRow, series: string): number | undefined {
  const column = PAPER_SERIES.find((name) => name === series)
  return column && row[column]
}

/** What a table has of a series at a round, in percent. */
export function printedAt({ rows }: PaperTable, series: string, at: number | 'end'): number | undefined {
  const row = at === 'end' ? rows.at(-1) : rows.find(({ round }) => round === at)
  return row && printedOf(row, series)
}

/** The name that stands for the tables where the sides of a comparison are named. */
export const PAPER = 'paper'
