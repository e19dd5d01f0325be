/** A printed row: accuracies in percent, as printed. */
export interface PaperRow {
  /** The paper's «epoch»; 5,000 is the last one. */
  readonly round: 1 | 2 | 3 | 5000
  readonly local_1: number
  readonly local_2: number
  readonly avg: number
  readonly max: number
  readonly absmax: number
}

export interface PaperTable {
  readonly number: 3 | 4
  /** The environment that it is of. */
  readonly env: 'V' | 'H'
  readonly source: string
  readonly rows: readonly PaperRow[]
}

const row = (
  round: PaperRow['round'],
  local_1: number,
  local_2: number,
  avg: number,
  max: number,
  absmax: number,
): PaperRow => ({ round, local_1, local_2, avg, max, absmax })

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
      row(5000, 93.26, 92.43, 93.73, 89.6, 93.22),
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
      row(5000, 95.02, 98.41, 78.68, 71.49, 70.73),
    ],
  },
]

/** The table of an environment; undefined for those that the paper does not have. */
export const paperTableFor = (env: string): PaperTable | undefined => PAPER_TABLES.find((table) => table.env === env)

/** The name that stands for them where sides of a comparison are named. */
export const PAPER = 'paper'
