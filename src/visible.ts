/**
 * What a terminal obeys where it should show it: control characters (C0, C1), and those that turn the direction of text
 * (CVE-2021-42574). Tabs and line feeds are none.
 */
const OBEYED = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069'
const CONTROLS = new RegExp(`[${OBEYED}]`, 'g')

/** Colours of ours: an escape sequence that nobody else can write, because it holds a number that is drawn anew. */
const OURS = String(Math.floor(1e9 + Math.random() * 9e9))
const mark = (code: number) => `\x1b[${OURS};${code}m`
const MARKS_AND_CONTROLS = new RegExp(`\\u001b\\[${OURS};(\\d+)m|[${OBEYED}]`, 'g')

/** Lines that CI systems take for commands to themselves: GitHub's ::error, and ##[…], Azure's ##vso, TeamCity's. */
const COMMANDS = /^(\s*):(?=:)/gm
const INNER_COMMANDS = /#(?=#(?:\[|vso\[|teamcity\[))/g

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Text of others as one line that can be read: names, paths, values and messages may hold anything. */
export const oneLine = (text: string): string => text.replace(CONTROLS, escaped).replaceAll('\n', '\\n')

/**
 * Text as a terminal or a log may have it: control characters escaped as JSON does, so that JSON stays what it is; our
 * own colours as they should be.
 * @param commands whether lines that GitHub obeys are meant
 */
export function visible(text: string, { commands = false } = {}): string {
  const shown = text
    .replace(MARKS_AND_CONTROLS, (match, code) => (code === undefined ? escaped(match) : `\x1b[${code}m`))
    .replace(INNER_COMMANDS, '\\u0023')
  return commands ? shown : shown.replace(COMMANDS, '$1\\u003a')
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  underline: [4, 24],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

/** What colours text; `visible` makes the terminal's own sequences of it. */
export type Palette = Readonly<Record<keyof typeof CODES, (text: string) => string>>

const entries = Object.entries(CODES) as [keyof Palette, readonly [number, number]][]

export const COLORS: Palette = Object.fromEntries(
  entries.map(([name, [open, close]]) => [
    name,
    // Where a colour ends within this one, this one goes on.
    (text: string) => `${mark(open)}${text.replaceAll(mark(close), `${mark(close)}${mark(open)}`)}${mark(close)}`,
  ]),
) as unknown as Palette

export const NO_COLORS: Palette = Object.fromEntries(
  entries.map(([name]) => [name, (text: string) => text]),
) as unknown as Palette
