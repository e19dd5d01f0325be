import { MERGE_NAMES } from '../algorithm/merge/registry.ts'
import { loadExperiment } from '../config/load.ts'
import { items } from '../config/parts/choice.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import type { AnyChoice } from '../parts.ts'
import { type AskedRule, askedRule } from './usable-rules.ts'

/** Every rule of the registry, and those of the run. */
export const ALL_RULES = 'all'

/**
 * The rules that are named on a command line, as `--merge` takes them, each once. Options that are not given are those of
 * the run, if it has the rule. Of all rules, one that needs options that only people can choose gives a reason.
 * @param dir the run's folder
 * @param own the run's rules, the driving one first
 * @throws FedunifyError (usage) if one is not legal
 */
export async function askedRules(
  text: string,
  dir: string,
  { merge: own }: Pick<Experiment, 'merge'>,
): Promise<AskedRule[]> {
  const asked: AskedRule[] = []
  const add = (rule: AskedRule) => {
    if (!asked.some((other) => other.rule === rule.rule)) asked.push(rule)
  }
  for (const item of (items(text) ?? []).map(String)) {
    if (item !== ALL_RULES) {
      add(askedRule(await ruleOf(item, dir)))
      continue
    }
    for (const choice of own) add(askedRule(choice))
    for (const name of MERGE_NAMES) add(await withDefaults(name, dir))
  }
  return asked
}

async function ruleOf(item: string, dir: string): Promise<AnyChoice> {
  try {
    // Objectives refuse some rules for driving a run, which none does here.
    const flags = { merge: item, objective: 'cross-entropy' }
    return (await loadExperiment({ run: dir, flags })).merge[0]!
  } catch (error) {
    if (!(error instanceof FedunifyError)) throw error
    throw new FedunifyError(error.code, error.message.replaceAll('--merge', '--rules'), error.hint, { cause: error })
  }
}

async function withDefaults(name: string, dir: string): Promise<AskedRule> {
  try {
    return askedRule(await ruleOf(name, dir))
  } catch (error) {
    if (!(error instanceof FedunifyError) || error.kind !== 'usage') throw error
    return { rule: name, reason: error.message.replace(/^--rules: (merge \S+ )?/, '') }
  }
}
