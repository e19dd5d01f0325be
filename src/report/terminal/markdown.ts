import { oneLine } from '../../visible.ts'

/** Text as Markdown shows it, and no markup: a name may hold links, code, HTML. */
export const asText = (text: string): string => oneLine(text).replace(/[\\`*_~[\]<>|&#!]/g, '\\$&')

/** @param left how many columns, from the first, are left-aligned; the others are right-aligned */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], left: number): string {
  const line = (cells: readonly string[]) => `| ${cells.map(asText).join(' | ')} |`
  const rule = `|${head.map((_, i) => (i < left ? ' --- |' : ' ---: |')).join('')}`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
