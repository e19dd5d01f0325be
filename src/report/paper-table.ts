import { accuracy } from '../engine/engine.ts'
import type { RoundFinished } from '../federation/events.ts'
import { percent } from '../format.ts'
import { columns } from './columns.ts'

const MOST_ROWS = 12
const MOST_OWNERS = 6

/** Accuracies in percent, shaped as the paper's Tables 3 and 4; long runs show their first and last rounds. */
export function paperTable(rounds: readonly RoundFinished[]): string {
  const [first] = rounds
  if (!first) return 'no round was finished'
  const owners = first.locals.slice(0, MOST_OWNERS)
  const more = first.locals.length > owners.length ? ['…'] : []
  const head = [
    'round',
    ...owners.map((l) => `local ${l.owner}`),
    ...more,
    ...first.merges.map(({ merge }) => merge),
    ...(first.baseline ? ['pooled'] : []),
  ]
  const row = ({ round, locals, merges, baseline }: RoundFinished) => [
    String(round),
    ...locals.slice(0, MOST_OWNERS).map(({ local }) => percent(accuracy(local))),
    ...more,
    ...merges.map(({ unified }) => percent(accuracy(unified))),
    ...(baseline ? [percent(accuracy(baseline.local))] : []),
  ]
  const cut = rounds.length > MOST_ROWS
  const shown = cut ? [...rounds.slice(0, 3), ...rounds.slice(-(MOST_ROWS - 4))] : rounds
  const rows = shown.map(row)
  if (cut) rows.splice(3, 0, ['…', ...head.slice(1).map(() => '')])
  return columns(head, rows)
}
