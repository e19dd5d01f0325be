import { row } from './markdown.ts'

/** @param left how many columns, from the first, are left-aligned; the others are right-aligned */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], left: number): string {
  const rule = `|${head.map((_, i) => (i < left ? ' --- |' : ' ---: |')).join('')}`
  return [row(head), rule, ...rows.map(row)].join('\n')
}
