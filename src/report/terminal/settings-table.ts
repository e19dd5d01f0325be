import { stringify } from 'yaml'
import { KEY_GROUPS } from '../../config/groups.ts'
import type { Setting } from '../../config/origin.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { wrap } from './wrap.ts'

/** Longer values do not widen the column for all. */
const MAX_WIDTH = 32

/**
 * Key, value and where it came from, aligned, under the groups' titles. The items of a long list, as of expectations or
 * layers, have lines of their own below their key.
 * @param width characters of a line; undefined for any
 */
export function settingsTable(settings: readonly Setting[], colors: Palette, width = Number.POSITIVE_INFINITY): string {
  const keyWidth = Math.max(...settings.map(({ key }) => key.length))
  const valueWidth = Math.max(...settings.map(({ value }) => flow(value).length).filter((n) => n <= MAX_WIDTH))
  const line = (setting: Setting) => {
    const { key, value } = setting
    const items = itemsOf(value)
    const shown = (items ? `${items.length} items` : flow(value)).padEnd(valueWidth)
    const plain = setting.from === 'default' || setting.from === 'not set'
    const start = `  ${key.padEnd(keyWidth)}  ${plain ? shown : colors.bold(shown)}`
    const length = 2 + keyWidth + 2 + shown.length + 2 + placeOf(setting).length
    const head = `${start}${length > width ? `\n${ORIGIN_INDENT}` : '  '}${origin(setting, colors)}`
    const below = (items ?? []).map((item) => wrap(`    - ${flow(item)}`, width))
    return [head, ...below].join('\n')
  }
  const groups = KEY_GROUPS.map(({ title, keys }) => {
    const own = settings.filter(({ key }) => (keys as readonly string[]).includes(key.split('.')[0]!))
    return [colors.underline(title), ...own.map(line)].join('\n')
  })
  return `${groups.join('\n\n')}\n`
}

/** Before an origin that has a line of its own, if it does not fit beside its value. */
const ORIGIN_INDENT = ' '.repeat(6)

/** What is in a list that is too long for a line. */
const itemsOf = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) && flow(value).length > MAX_WIDTH ? value : undefined

const placeOf = ({ from, place = from }: Setting): string => oneLine(place)

function origin(setting: Setting, { dim, cyan, yellow, green }: Palette): string {
  const place = placeOf(setting)
  switch (setting.from) {
    case 'default':
    case 'not set':
      return dim(place)
    case 'derived':
      return cyan(place)
    case 'file':
      return green(place)
    default:
      return yellow(place)
  }
}

/** A value as one line of YAML. */
export const flow = (value: unknown): string =>
  value === undefined ? '-' : oneLine(stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim())
