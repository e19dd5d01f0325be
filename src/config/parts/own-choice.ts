import { isDeepStrictEqual } from 'node:util'
import { type OwnChoice, type OwnRule, withOwnRule } from '../../algorithm/merge/own-rule.ts'
import { FedunifyError } from '../../errors.ts'
import { type AnyChoice, optionsOf } from '../../parts.ts'

/**
 * A choice with its rule.
 * @throws FedunifyError (usage) if its options would be others once they have been written to a run folder and read:
 *   zod can make anything of them
 */
export function ownChoice(choice: AnyChoice, own: OwnRule, place: string): OwnChoice {
  const options = optionsOf(choice)
  if (own.loaded && !isDeepStrictEqual(kept(options, own.loaded.rule.options), options)) {
    const message = `${place}: the options of ${own.name} are not the same once they are written and read`
    throw new FedunifyError('E_MERGE_RULE', message, 'options are numbers, words and lists of them, without transforms')
  }
  return withOwnRule(choice, own)
}

function kept(options: object, schema: { safeParse(value: unknown): { data?: unknown } }): unknown {
  try {
    return schema.safeParse(JSON.parse(JSON.stringify(options))).data
  } catch {
    return undefined
  }
}
