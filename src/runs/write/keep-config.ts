import { join } from 'node:path'
import { stringify as toYaml } from 'yaml'
import { ownRuleOf, ownRules } from '../../algorithm/merge/own-rule.ts'
import { CONFIG_FORMAT, FORMAT_KEY } from '../../config/config-format.ts'
import type { Experiment } from '../../config/schema.ts'
import { type AnyChoice, optionsOf } from '../../parts.ts'
import { makeFolders } from '../../system/files.ts'
import { RULES } from '../run-files.ts'
import { putFile } from './growing-file.ts'

/**
 * Writes the config of a run as an experiment file, and beside it the rules of the user's own that it names: the run can
 * go on, or be made again, wherever its folder comes to lie and whatever becomes of the files that it was begun with.
 */
export async function keepConfig(dir: string, experiment: Experiment): Promise<void> {
  const own = ownRules(experiment.merge)
  if (own.length > 0) await makeFolders(join(dir, RULES))
  for (const { file, loaded } of own) await putFile(join(dir, RULES, file), loaded!.content)
  const merge = experiment.merge.map((choice: AnyChoice) => {
    const rule = ownRuleOf(choice)
    return rule ? { [`./${RULES}/${rule.file}`]: optionsOf(choice) } : choice
  })
  await putFile(join(dir, 'config.yaml'), toYaml({ [FORMAT_KEY]: CONFIG_FORMAT, ...experiment, merge }), {
    flushFolder: false,
  })
}
