import { FedunifyError } from '../errors.ts'
import type { Expectation } from './expectations.ts'
import { meantKey } from './meant.ts'
import { OPTION_KEYS } from './parts/choice-keys.ts'
import { WRITTEN_KEYS } from './schema.ts'
import { show } from './show.ts'

const LEGAL = [...WRITTEN_KEYS, ...OPTION_KEYS.map(({ long }) => long)]

/**
 * A mistyped key would make the expectation one of no run.
 * @param where the place of a key of `when`
 * @throws FedunifyError (usage)
 */
export function assertWhen({ when = {} }: Expectation, where: (key: string) => string): void {
  const wrong = Object.keys(when).find((key) => !LEGAL.includes(key))
  if (wrong === undefined) return
  const near = meantKey(wrong, LEGAL)
  const hint = near ? `did you mean ${near}?` : 'name keys of an experiment, for example when: { env: H }'
  throw new FedunifyError('E_UNKNOWN_NAME', `${where(wrong)}: unknown key ${show(wrong)} in when`, hint)
}
