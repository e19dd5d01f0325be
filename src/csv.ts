import { stringify } from 'csv-stringify/sync'

/**
 * A CSV that people open in a spreadsheet, with its head as the first row: text that begins like a formula (= + - @) gets
 * an apostrophe in front, numbers stay as they are.
 */
export const sheet = (rows: readonly (readonly (string | number)[])[]): string =>
  stringify([...rows] as (string | number)[][], { escape_formulas: true })
