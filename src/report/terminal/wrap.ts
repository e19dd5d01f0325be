/** Less room than this beside a column, and what is there goes below. */
const LITTLE = 20
/** Spaces before what goes below. */
const BELOW = 6

const COLOURS = new RegExp(`${'\x1b'}\\[[\\d;]*m`, 'g')

/** Characters that are seen: colours are none. */
const shownWidth = (text: string): number => text.replace(COLOURS, '').length

/**
 * Lines broken between words so that none is longer than `width`, if the words allow it. What follows hangs below
 * the text of its line, or below its last column, which two spaces set off.
 * @param width default: nothing is broken
 */
export const wrap = (text: string, width = Number.POSITIVE_INFINITY): string =>
  text
    .split('\n')
    .map((line) => (shownWidth(line) <= width ? line : wrapLine(line, width)))
    .join('\n')

function wrapLine(line: string, width: number): string {
  const indent = /^ */.exec(line)![0].length
  const last = /^(.*\S) {2,}(?=\S)/.exec(line)
  const column = last ? shownWidth(last[0]) : indent
  // A command stays whole: it is there to be copied.
  if (!last) {
    if (/^ *(npx )?fedunify /.test(line)) return line
    const hang = hasRoom(line.trim(), width - indent) ? indent : BELOW
    return broken(line.slice(indent), hang, width, hang)
  }
  const [head, rest] = [last[1]!, line.slice(last[0].length)]
  if (hasRoom(rest, width - column)) return broken(`${last[0]}${rest}`, 0, width, column)
  return `${wrapLine(head, width)}\n${broken(rest, BELOW, width, BELOW)}`
}

/** Whether a text can be in a column of that width. */
const hasRoom = (text: string, width: number) =>
  width >= Math.max(LITTLE, ...text.split(' ').map((word) => shownWidth(word)))

/** @param hang spaces before every line but the first, which has `indent` */
function broken(text: string, indent: number, width: number, hang: number): string {
  const lines: string[] = []
  let line = ' '.repeat(indent)
  let empty = true
  for (const [, gap, word] of text.matchAll(/( *)(\S+)/g)) {
    const next = `${line}${empty && lines.length > 0 ? '' : gap}${word}`
    if (empty || shownWidth(next) <= width) line = next
    else {
      lines.push(line)
      line = `${' '.repeat(hang)}${word}`
    }
    empty = false
  }
  return [...lines, line].join('\n')
}
