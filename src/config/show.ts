/** Characters of what people wrote that a message repeats. */
const MOST = 60

/** A value as messages show it: one line, cut short, whatever it is. */
export const show = (value: unknown): string => cut(textOf(value))

/** A name as messages show it if it needs no quotes. */
export const plain = (name: string): string => cut(name.replace(/\p{Cc}/gu, ' '))

const cut = (text: string) => (text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text)

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object') return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    // What contains itself, or a bigint, or is nested too deep, has no text.
    return Array.isArray(value) ? 'a list' : 'keys and values'
  }
}
