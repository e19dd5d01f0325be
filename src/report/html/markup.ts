/** Text that is HTML or SVG already; whatever else goes into `html` is escaped. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

export type Content = Markup | string | number | false | undefined | readonly Content[]

/** A template whose values are escaped, so that no name or path of a run can become markup. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.reduce((text, string, i) => `${text}${contentText(values[i - 1])}${string}`))
}

function contentText(content: Content): string {
  if (content instanceof Markup) return content.text
  if (content === undefined || content === false) return ''
  if (typeof content === 'number') return String(content)
  return typeof content === 'string' ? escapeText(content) : content.map(contentText).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for quoted attributes; control characters, which neither HTML nor SVG may hold, are dropped. */
function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is dropped
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replace(/[&<>"']/g, (c) => ENTITIES[c]!)
}

/** A coordinate: tenths are finer than any pixel here. */
export const px = (x: number): string => String(Math.round(x * 10) / 10)
