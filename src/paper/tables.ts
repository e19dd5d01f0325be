/** A row as printed: accuracy in percent. The paper's «epoch» is our round; both local columns are headed alike. */
export interface PaperRow {
  /** 1, 2, 3, or 5000, the last. */
  readonly round: 1 | 2 | 3 | 5000
  /** Owner 1's local model on its own test set. */
  readonly local_1: number
  /** Owner 2's local model on its own test set. */
  readonly local_2: number
  /** Unified models on the server's test set, by merge rule. */
  readonly avg: number
  readonly max: number
  readonly absmax: number
}

export interface PaperTable {
  readonly number: 3 | 4
  /** The partition that it is about. */
  readonly env: 'V' | 'H'
  readonly source: string
  readonly rows: readonly PaperRow[]
}

const SOURCE = 'J.-L. Lee, JKSCI 26(12), 2021, doi:10.9708/jksci.2021.26.12.069'

/**
 * The two tables that the paper prints (Lee 2021, DOI 10.9708/jksci.2021.26.12.069), in percent; it has two owners,
 * and prints no rows between 3 and 5,000. The last H/avg is 78.68 in Table 4 and in section IV, while the conclusion
 * says 78.86: the table's figure stands here.
 */
export const PAPER_TABLES: readonly PaperTable[] = [
  {
    number: 3,
    env: 'V',
    source: `Table 3 of ${SOURCE}`,
    rows: [
      { round: 1, local_1: 91.41, local_2: 91.51, avg: 76.13, max: 18.28, absmax: 71.1 },
      { round: 2, local_1: 92.43, local_2: 92.13, avg: 93.0, max: 85.32, absmax: 91.53 },
      { round: 3, local_1: 92.46, local_2: 92.96, avg: 93.44, max: 58.03, absmax: 92.5 },
      { round: 5000, local_1: 93.26, local_2: 92.43, avg: 93.73, max: 89.6, absmax: 93.22 },
    ],
  },
  {
    number: 4,
    env: 'H',
    source: `Table 4 of ${SOURCE}`,
    rows: [
      { round: 1, local_1: 93.71, local_2: 98.33, avg: 47.33, max: 11.49, absmax: 47.08 },
      { round: 2, local_1: 94.58, local_2: 98.28, avg: 56.4, max: 49.51, absmax: 56.95 },
      { round: 3, local_1: 95.01, local_2: 98.48, avg: 64.49, max: 27.14, absmax: 62.76 },
      { round: 5000, local_1: 95.02, local_2: 98.41, avg: 78.68, max: 71.49, absmax: 70.73 },
    ],
  },
]

/** The table about a partition; undefined where the paper has none. */
export function paperTableFor(env: string): PaperTable | undefined {
  return PAPER_TABLES.find((table) => table.env === env)
}
