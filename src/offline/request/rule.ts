import type { MergeChoice } from '../../algorithm/merge/own-rule.ts'
import { withOwnRules } from '../../config/parts/own-rules.ts'
import { resolveExperiment } from '../../config/resolve.ts'
import { plain } from '../../config/show.ts'
import type { Source } from '../../config/source.ts'
import { FedunifyError } from '../../errors.ts'
import { nameOf } from '../../parts.ts'

/** What names a rule, and where it was written. */
export interface WrittenRule extends Pick<Source, 'folder'> {
  readonly value: unknown
  /** "--rule", or a line of a recipe. */
  readonly place: string
}

/**
 * The rule that was named, as `merge` of an experiment names one: by its name, with options, or by the file of one's own.
 * @throws FedunifyError (usage) naming the place
 */
export async function chosenRule({ value, place, folder }: WrittenRule): Promise<MergeChoice> {
  const kind = folder === undefined ? 'flag' : 'file'
  const source: Source = { kind, values: { merge: value }, where: () => place, ...(folder && { folder }) }
  const { sources, ...own } = await withOwnRules([source])
  const { merge } = resolveExperiment(sources, undefined, own)
  const [rule, ...others] = merge
  if (others.length === 0) return rule!
  const names = merge.map((one) => plain(nameOf<MergeChoice>(one))).join(', ')
  throw new FedunifyError('E_OPTION', `${place}: expected one rule, got ${names}`, 'a merge has one rule')
}
