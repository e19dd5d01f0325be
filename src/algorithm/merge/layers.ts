import { z } from 'zod'
import { choice } from '../../part-choice.ts'
import { type AnyChoice, type Choice, choiceText, nameOf, optionsOf, type Parts } from '../../parts.ts'
import { distinctAsks, type MergedModel, type MergeRule } from './rule.ts'
import { matchesPattern } from './shared/name-pattern.ts'
import { tensorMerge } from './shared/tensor-merge.ts'

/** The rule of each pattern of names, and that of all other tensors. */
export interface LayersOptions<C extends AnyChoice = AnyChoice> {
  rules: Record<string, C>
  otherwise: C
}

/**
 * A rule for each of several groups of tensors. A group is merged as if it were the whole model: what a rule looks at,
 * a length or a distance, is that of the group's tensors.
 * @param registry the rules that may be chosen
 */
export function layersOf<R extends Parts & Readonly<Record<string, MergeRule>>>(registry: R) {
  const ruleOf = (chosen: AnyChoice): MergeRule => registry[nameOf(chosen)]!
  const options = z.strictObject({
    rules: z
      .preprocess(withPairs, z.record(z.string().min(1), choice(registry)))
      .refine((rules) => Object.keys(rules).length > 0, 'expected a pattern and its rule')
      .describe('the rule of each pattern of names; * is any characters, ? is one')
      .meta({ examples: [{ 'conv*': 'avg', 'dense*': 'median' }] }),
    otherwise: choice(registry).prefault('avg').describe('the rule of all other tensors'),
  })
  /** What the first of the chosen rules says, with its pattern before it. */
  const firstOf = ({ rules, otherwise }: LayersOptions, says: (rule: MergeRule, of: object) => string | undefined) => {
    for (const [pattern, chosen] of [...Object.entries(rules), ['otherwise', otherwise] as const]) {
      const reason = says(ruleOf(chosen), optionsOf(chosen))
      if (reason !== undefined) return `${pattern}: ${nameOf(chosen)}: ${reason}`
    }
    return undefined
  }

  return {
    summary: 'a rule for each group of tensors, told by their names',
    source: 'the rules that are chosen',
    when: 'layers differ in what owners have in common, as the last one does if their classes differ',
    needs: 'each',
    options,
    uses: (chosen) => [...new Set(allOf(chosen).flatMap((one) => [...(ruleOf(one).uses?.(optionsOf(one)) ?? [])]))],
    asks: (chosen) => distinctAsks(allOf(chosen).flatMap((one) => [...(ruleOf(one).asks?.(optionsOf(one)) ?? [])])),
    undefinedOn: (chosen, owners) => firstOf(chosen, (rule, of) => rule.undefinedOn?.(of, owners)),
    check: (chosen, owners) => firstOf(chosen, (rule, of) => rule.check?.(of, owners)),
    checkModel({ rules, otherwise }, model) {
      const { shapes } = model
      const names = [...shapes.keys()]
      const misfit = misfitOf(rules, names)
      if (misfit !== undefined) return misfit
      for (const [chosen, group] of groupsOf({ rules, otherwise }, names)) {
        const part: MergedModel = { ...model, shapes: new Map(group.map((name) => [name, shapes.get(name)!])) }
        const reason = ruleOf(chosen).checkModel?.(optionsOf(chosen), part)
        if (reason !== undefined) return `${nameOf(chosen)}: ${reason}`
      }
      return undefined
    },
    make: (chosen) => ({
      look(models, owners, { round, base }) {
        const names = [...models[0]!.keys()]
        const misfit = misfitOf(chosen.rules, names)
        if (misfit !== undefined) throw new Error(misfit)
        const merges = groupsOf(chosen, names).flatMap(([one, group]) => {
          const part = <T>(model: ReadonlyMap<string, T>) => new Map(group.map((name) => [name, model.get(name)!]))
          const made = ruleOf(one).make(optionsOf(one))
          const merge = tensorMerge(made, models.map(part), owners, { round, base: base && part(base) })
          return group.map((name) => [name, merge] as const)
        })
        const mergeOf = new Map(merges)
        return (values, facts, out, tensor) => mergeOf.get(tensor.name)!(values, facts, out, tensor)
      },
    }),
  } satisfies MergeRule<LayersOptions<Choice<R>>>
}

/** On a command line, where `: ` ends a key, `{conv*=avg,dense*=median}` stands for `{ conv*: avg, dense*: median }`. */
function withPairs(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([pattern, chosen]) => {
    const at = chosen === null ? pattern.indexOf('=') : -1
    return at < 0 ? [pattern, chosen] : [pattern.slice(0, at), pattern.slice(at + 1)]
  })
  return Object.fromEntries(entries)
}

const allOf = ({ rules, otherwise }: LayersOptions) => [...Object.values(rules), otherwise]

const patternsOf = (rules: LayersOptions['rules'], name: string) =>
  Object.keys(rules).filter((pattern) => matchesPattern(pattern, name))

/** Why patterns do not fit the names of tensors, if so. */
function misfitOf(rules: LayersOptions['rules'], names: readonly string[]): string | undefined {
  const idle = Object.keys(rules).find((pattern) => !names.some((name) => matchesPattern(pattern, name)))
  if (idle !== undefined) return `no tensor is called ${idle}; there are ${names.join(', ')}`
  const twice = names.find((name) => patternsOf(rules, name).length > 1)
  return twice === undefined ? undefined : `${twice} is of ${patternsOf(rules, twice).join(' and of ')}`
}

/** Each rule with the names of its tensors, those of several patterns together; none without a tensor. */
function groupsOf({ rules, otherwise }: LayersOptions, names: readonly string[]): [AnyChoice, string[]][] {
  const groups = new Map<string, [AnyChoice, string[]]>()
  for (const name of names) {
    const [pattern] = patternsOf(rules, name)
    const chosen = pattern === undefined ? otherwise : rules[pattern]!
    const group = groups.get(choiceText(chosen)) ?? [chosen, []]
    group[1].push(name)
    groups.set(choiceText(chosen), group)
  }
  return [...groups.values()]
}
