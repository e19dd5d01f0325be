import { oneLine } from '../visible.ts'

/** Text as Markdown shows it, and no markup: a name may hold links, code, HTML. */
export const asText = (text: string): string => oneLine(text).replace(/[\\`*_~[\]<>|&#!]/g, '\\$&')

/** A row of a table, each cell as text. */
export const row = (cells: readonly string[]): string => `| ${cells.map(asText).join(' | ')} |`
