import type { RecordedScore, Remerged } from './remerge-run.ts'

/**
 * What is known of a run after another remerge: its rows take the place of those of the same rule and round, and others
 * stay. What it did not measure of the owners' contributions is kept, since the same weights give the same figures.
 * @param known one table for each set of owners that were left out
 */
export function together(known: readonly Remerged[], found: Remerged): Remerged[] {
  const key = ({ driver, without }: Remerged) => JSON.stringify([driver, without.toSorted((a, b) => a - b)])
  const before = known.find((one) => key(one) === key(found))
  if (!before) return [...known, found]
  const rows = joined(before.rows, found.rows)
  const notes = [...new Set([...before.notes, ...found.notes])]
  return known.map((one) => (one === before ? { ...found, rows, notes } : one))
}

/** By round; of a round those of before, in their order, then those that are new. */
function joined(before: readonly RecordedScore[], found: readonly RecordedScore[]): RecordedScore[] {
  const key = ({ round, rule }: RecordedScore) => `${round} ${rule}`
  const rows = new Map(before.map((row) => [key(row), row]))
  for (const row of found) rows.set(key(row), withContributions(row, rows.get(key(row))))
  return [...rows.values()].sort((a, b) => a.round - b.round)
}

function withContributions(row: RecordedScore, before: RecordedScore | undefined): RecordedScore {
  const methods = new Set(row.contributions.map(({ method }) => method))
  const kept = before?.contributions.filter(({ method }) => !methods.has(method)) ?? []
  // With another accuracy it was another rule of that name, or another engine.
  if (kept.length === 0 || before?.accuracy !== row.accuracy) return row
  return { ...row, contributions: [...kept, ...row.contributions] }
}
