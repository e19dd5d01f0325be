import { stringify } from 'csv-stringify/sync'

/** Null stays empty. */
type Cell = string | number | null

/**
 * Rows of a CSV that people open in a spreadsheet, its head among them: text that begins like a formula (= + - @) gets an
 * apostrophe in front, numbers stay as they are.
 */
export const sheet = (rows: readonly (readonly Cell[])[]): string => stringify([...rows], { escape_formulas: true })
