import { resolve } from 'node:path'
import type { OwnRule } from '../../algorithm/merge/own-rule.ts'
import { FedunifyError } from '../../errors.ts'
import type { Part } from '../../parts.ts'
import { isMapping } from '../mapping.ts'
import { plain } from '../show.ts'
import type { Source } from '../source.ts'
import { type Vocabulary, withRules } from '../vocabulary.ts'
import { items } from './choice.ts'
import { badName, fileIn, nameItems, stemOf } from './own-name.ts'
import { loadOwnRule } from './own-rule-file.ts'
import { unknownRule } from './unknown-rule.ts'

/** Sources in which rules of the user's own go by their names, and what these names mean. */
export interface WithOwnRules {
  readonly sources: readonly Source[]
  readonly vocabulary: Vocabulary
  /** Those that were loaded, by name. */
  readonly rules: ReadonlyMap<string, OwnRule>
}

/** A file that a source names. */
interface Mention {
  readonly name: string
  readonly file: string
  readonly path: string
  readonly place: string
}

/**
 * Finds the rules of the user's own that sources name by their files. Those that count, which the last source that names
 * rules chooses, are loaded: that runs their code.
 * @param load false if an experiment is only to be shown: then options of these rules are taken as they are
 * @throws FedunifyError (usage) if a file has no name for a rule, is not there, or makes none
 */
export async function withOwnRules(sources: readonly Source[], { load = true } = {}): Promise<WithOwnRules> {
  const mentions = sources.map(mentionsIn)
  const last = sources.findLastIndex((source) => lists(source).length > 0)
  const chosen = last < 0 ? new Set<string>() : new Set(lists(sources[last]!).flatMap(({ value }) => namesIn(value)))
  const own = new Map<string, Mention>()
  for (const all of mentions) {
    const here = new Map<string, Mention>()
    for (const mention of all) {
      const wrong = badName(mention.file)
      const other = here.get(mention.name)
      here.set(mention.name, mention)
      if (!chosen.has(mention.name)) continue
      if (wrong) throw refuse(mention, `: ${wrong.what}`, wrong.hint)
      if (other && other.path !== mention.path) {
        throw refuse(
          mention,
          ` and ${plain(other.file)} have the same name, ${mention.name}`,
          'rename one of the files',
        )
      }
      own.set(mention.name, mention)
    }
  }
  const rules = new Map<string, OwnRule>()
  if (load) {
    for (const [name, { path, file, place }] of own) {
      rules.set(name, await loadOwnRule(name, path, `${place}: ${plain(file)}`))
    }
  }
  const others = mentions.flat().filter(({ file, name }) => !badName(file) && !own.has(name))
  const parts = [...own.keys(), ...others.map(({ name }) => name)].map((name): [string, Part] => {
    return [name, rules.get(name)?.loaded?.rule ?? unknownRule(optionsGiven(name, sources))]
  })
  return {
    sources: sources.map((source, i) => named(source, mentions[i]!)),
    vocabulary: withRules(Object.fromEntries(parts)),
    rules,
  }
}

const refuse = ({ place, file }: Mention, what: string, hint: string) =>
  new FedunifyError('E_RULE_FILE', `${place}: ${plain(file)}${what}`, hint)

/** What a source names rules with: under `merge`, or each of those that its matrix goes over, or in its variants. */
function lists({ values }: Source): { value: unknown; path: readonly PropertyKey[] }[] {
  const matrix = isMapping(values.matrix) ? values.matrix.merge : undefined
  const variants = Object.entries(isMapping(values.variants) ? values.variants : {})
  return [
    ...('merge' in values ? [{ value: values.merge, path: ['merge'] }] : []),
    ...(Array.isArray(matrix) ? matrix.map((value, i) => ({ value, path: ['matrix', 'merge', i] })) : []),
    ...variants.flatMap(([name, own]) =>
      isMapping(own) && 'merge' in own ? [{ value: own.merge, path: ['variants', name, 'merge'] }] : [],
    ),
  ]
}

function mentionsIn(source: Source): Mention[] {
  return lists(source).flatMap(({ value, path: at }) =>
    (items(value) ?? []).flatMap((item, i): Mention[] => {
      const words = isMapping(item) ? Object.keys(item) : [String(item)]
      const place = source.where(Array.isArray(value) ? [...at, i] : at)
      return words.flatMap((word) => {
        const file = fileIn(word)?.file
        return file === undefined
          ? []
          : [{ name: stemOf(file), file, path: resolve(source.folder ?? '.', file), place }]
      })
    }),
  )
}

/** Names of rules, whether they are written as names or as files. */
const namesIn = (value: unknown): string[] =>
  (items(nameItems(value)) ?? []).flatMap((item) =>
    isMapping(item) ? Object.keys(item) : [String(item).split(':')[0]!.trim()],
  )

/** A source in which rules go by their names; places are still those of what was written. */
function named(source: Source, mentions: readonly Mention[]): Source {
  const { merge, matrix, variants } = source.values
  if (mentions.length === 0) return source
  const values = {
    ...source.values,
    ...('merge' in source.values && { merge: nameItems(merge) }),
    ...(isMapping(matrix) &&
      Array.isArray(matrix.merge) && { matrix: { ...matrix, merge: matrix.merge.map(nameItems) } }),
    ...(isMapping(variants) && {
      variants: Object.fromEntries(
        Object.entries(variants).map(([name, own]) => [
          name,
          isMapping(own) && 'merge' in own ? { ...own, merge: nameItems(own.merge) } : own,
        ]),
      ),
    }),
  }
  const files = new Map(mentions.map(({ name, file }) => [name, file]))
  const where = (path: readonly PropertyKey[]) => {
    const at = path[0] === 'merge' ? path.findIndex((step, i) => i > 0 && typeof step === 'string') : -1
    return source.where(path.map((step, i) => (i === at ? (files.get(String(step)) ?? step) : step)))
  }
  return { ...source, values, where }
}

/** Names of the options that sources give to a rule. */
const optionsGiven = (name: string, sources: readonly Source[]): string[] =>
  sources.flatMap((source) => {
    const prefix = `merge.${name}.`
    const { matrix } = source.values
    const keys = [...Object.keys(source.values), ...Object.keys(isMapping(matrix) ? matrix : {})]
    return [
      ...lists(source).flatMap(({ value }) => (items(nameItems(value)) ?? []).flatMap((item) => given(name, item))),
      ...keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length)),
    ]
  })

/** Names of the options that an item gives to a rule. */
function given(name: string, item: unknown): string[] {
  if (typeof item === 'string') {
    const [own, ...settings] = item.split(/:(?=[\w-]+=)/)
    return own?.trim() === name ? settings.map((setting) => setting.slice(0, setting.indexOf('='))) : []
  }
  const options = isMapping(item) ? item[name] : undefined
  return isMapping(options) ? Object.keys(options) : []
}
