import { type AnyChoice, nameOf, optionsOf, type Parts } from '../../parts.ts'
import type { Experiment } from '../schema.ts'
import { items } from './choice.ts'
import { CHOICE_KEYS, type ChoiceKeys, OPTION_KEYS } from './choice-keys.ts'
import { nameItems } from './own-name.ts'
import { readPart } from './read-part.ts'
import { unknownRule } from './unknown-rule.ts'

/**
 * Whether an experiment has these values, as an expectation's `when` gives them. A part is told by its name, and by
 * those of its options that are given: `{ env: H }`, `{ env: { dirichlet: { alpha: 0.3 } } }`, `{ alpha: 0.3 }`.
 */
export function hasValues(experiment: Experiment, when: Readonly<Record<string, unknown>>): boolean {
  const config: Readonly<Record<string, unknown>> = experiment
  const choices: ChoiceKeys = CHOICE_KEYS
  const chosen = (key: string) => [config[key] as AnyChoice].flat()
  return Object.entries(when).every(([key, value]) => {
    const choice = choices[key]
    if (choice) {
      const own = chosen(key)
      const others = own.filter((one) => !Object.hasOwn(choice.parts, nameOf(one)))
      const rules = others.map((one) => [nameOf(one), unknownRule(Object.keys(optionsOf(one)))])
      const parts: Parts = { ...choice.parts, ...Object.fromEntries(rules) }
      const named = choice.own ? nameItems(value) : value
      const wanted = (items(named) ?? []).map((item) => readPart(parts, item, `when.${key}`))
      return wanted.length === own.length && wanted.every((part, i) => isPart(own[i]!, part))
    }
    const option = OPTION_KEYS.find(({ short, long }) => key === short || key === long)
    if (!option) return isSame(config[key], value)
    return chosen(option.key).some((own) => nameOf(own) === option.part && isSame(optionsOf(own)[option.option], value))
  })
}

function isPart(own: AnyChoice, wanted: ReturnType<typeof readPart>): boolean {
  if (nameOf(own) !== wanted?.name) return false
  const options = optionsOf(own)
  return Object.entries(wanted.options).every(([option, value]) => isSame(options[option], value))
}

/** What is a list in one of them may stand alone in the other. */
function isSame(a: unknown, b: unknown): boolean {
  const plain = (value: unknown) => JSON.stringify(Array.isArray(value) ? value : [value])
  return plain(a) === plain(b)
}
