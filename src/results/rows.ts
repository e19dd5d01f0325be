import { accuracy, meanLoss } from '../engine/engine.ts'
import type { RoundFinished, Started } from '../federation/events.ts'
import { percent } from '../format.ts'

type Row = (string | number)[]

/** A CSV that grows with the rounds: its columns, and the rows that a round adds. */
export interface Table {
  readonly file: string
  columns(started: Started): string[]
  rows(round: RoundFinished): Row[]
}

/** One row for each owner and round; accuracies are fractions. */
export const localTable: Table = {
  file: 'local.csv',
  columns: () => ['round', 'owner', 'epochs', 'train_images', 'train_loss', 'local_accuracy', 'copied_accuracy'],
  rows: ({ round, locals }) =>
    locals.map((l) => [round, l.owner, l.epochs, l.trainImages, l.loss, accuracy(l.local), accuracy(l.copied)]),
}

/** One row for each merge rule and round; `owners` is the number of participants. */
export const unifiedTable: Table = {
  file: 'unified.csv',
  columns: () => ['round', 'merge', 'owners', 'accuracy', 'loss'],
  rows: ({ round, locals, merges }) =>
    merges.map(({ merge, unified }) => [round, merge, locals.length, accuracy(unified), meanLoss(unified)]),
}

/** Shaped as the paper's Tables 3 and 4, in percent; the paper's «epoch» is our round. */
export const paperTable: Table = {
  file: 'table.csv',
  columns: ({ owners, merges }) => ['epoch', ...owners.map((owner) => `local_${owner}`), ...merges],
  rows: ({ round, locals, merges }) => [
    [
      round,
      ...locals.map(({ local }) => percent(accuracy(local))),
      ...merges.map(({ unified }) => percent(accuracy(unified))),
    ],
  ],
}

export const TABLES = [localTable, unifiedTable, paperTable]
