import { FedunifyError } from '../../errors.ts'
import { splitSettings } from '../../part-choice.ts'
import type { Parts } from '../../parts.ts'
import { isMapping } from '../mapping.ts'
import { show } from '../show.ts'
import { parseValue } from '../value.ts'
import { takesText } from './choice-keys.ts'

/** A part as people write it, with the options that they give. */
export interface WrittenPart {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * A name, `name:option=value:option=value`, or `{ name: options }`; undefined if it names none of the parts.
 * @throws FedunifyError (usage) if options in a word are not written so, or are no YAML
 */
export const readPart = (parts: Parts, written: unknown, place: string): WrittenPart | undefined =>
  typeof written === 'string' ? readText(parts, written, place) : readMapping(parts, written)

function readMapping(parts: Parts, written: unknown): WrittenPart | undefined {
  if (!isMapping(written)) return undefined
  const [[name, options] = ['', undefined], ...others] = Object.entries(written)
  if (others.length > 0 || !Object.hasOwn(parts, name)) return undefined
  // `trimmed-mean:` on a line of its own says nothing about its options.
  if (options === null) return { name, options: {} }
  return isMapping(options) ? { name, options } : undefined
}

function readText(parts: Parts, text: string, place: string): WrittenPart | undefined {
  const [name = '', ...settings] = splitSettings(text)
  const own = Object.keys(parts).find((part) => name === part || name.startsWith(`${part}:`))
  if (own === undefined) return undefined
  if (own !== name) {
    const [example = 'option'] = Object.keys(parts[own]!.options.shape)
    const got = show(name.slice(own.length + 1))
    throw new FedunifyError('E_CONFIG', `${place}: expected ${own}:${example}=value, got ${got} after ${own}:`)
  }
  const options = settings.map((setting): [string, unknown] => {
    const at = setting.indexOf('=')
    const [option, value] = [setting.slice(0, at), setting.slice(at + 1)]
    const schema = parts[own]!.options.shape[option]
    return [option, schema && takesText(schema) ? value : parseValue(value, `${place}: ${option}`)]
  })
  return { name: own, options: Object.fromEntries(options) }
}
