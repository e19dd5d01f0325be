import { FILE_STYLE } from './style/style.ts'

/** Units around a drawing in a file of its own. */
const MARGIN = 12

/**
 * The wide drawings of a page, each as an SVG file that needs nothing else and follows the reader's theme.
 * @param page a report
 * @returns the files' texts by the ids of their figures, such as g1-accuracy
 */
export function drawingsOf(page: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const { index } of page.matchAll(/<svg [^>]*class="chart wide"/g)) {
    const drawing = elementAt(page, index)
    const [, id = ''] = /<title id="(.+?)-wide-t">/.exec(drawing)!
    files.set(id, standalone(drawing))
  }
  return files
}

/** The text of the svg element that begins there, with those inside it. */
function elementAt(page: string, start: number): string {
  let depth = 0
  for (const { 0: tag, index } of page.slice(start).matchAll(/<svg|<\/svg>/g)) {
    depth += tag === '<svg' ? 1 : -1
    if (depth === 0) return page.slice(start, start + index + tag.length)
  }
  throw new Error('an svg element does not end')
}

function standalone(drawing: string): string {
  const [, width = '', height = ''] = /viewBox="0 0 (\S+) (\S+)"/.exec(drawing)!
  const [w, h] = [Number(width) + 2 * MARGIN, Number(height) + 2 * MARGIN]
  const box = `viewBox="-${MARGIN} -${MARGIN} ${w} ${h}" width="${w}" height="${h}"`
  return `${drawing
    .replace(/viewBox="[^"]*" width="[^"]*" height="[^"]*"/, box)
    .replace(/ data-stops="[^"]*"/, '')
    .replace('</desc>', `</desc><style>${FILE_STYLE}</style>`)}\n`
}
