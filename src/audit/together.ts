import type { Audited } from './audit-run.ts'

/** What is known of a run after another audit: what it says of an attack takes the place of what was known of it. */
export function together(known: Audited, found: Audited): Audited {
  const names = new Set([...found.rows, ...found.notMade].map(({ name }) => name))
  return {
    rows: [...known.rows.filter(({ name }) => !names.has(name)), ...found.rows],
    notMade: [...known.notMade.filter(({ name }) => !names.has(name)), ...found.notMade],
  }
}
