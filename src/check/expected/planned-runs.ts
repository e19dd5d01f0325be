import { join } from 'node:path'
import { expand } from '../../config/expand.ts'
import { fileName } from '../../config/read.ts'
import { fileSource } from '../../config/source.ts'
import { FedunifyError } from '../../errors.ts'
import { type NamedRun, namedRuns } from '../../runs/read/named-runs.ts'
import { kindOf } from '../../system/files.ts'
import { shellWord } from '../../system/shell-word.ts'
import { experimentKey } from './expected-of.ts'

/** Whether a name is that of a file of expectations, not of a run: a run has no such file but its config. */
export const isGateFile = async (name: string): Promise<boolean> =>
  /\.(ya?ml|json)$/.test(name) && !/(^|[\\/])manifest\.json$/.test(name) && (await kindOf(name)) === 'file'

/**
 * The runs that an experiment file describes as it stands now, where `batch` and `run` put them: those of another config
 * are not of it, whatever their folder.
 * @returns for each run that it describes, the run, its error, or that it is missing; then what cannot be read beside
 * @throws FedunifyError (usage) if it is no experiment file
 */
export async function plannedRuns(file: string, signal?: AbortSignal): Promise<NamedRun[]> {
  const source = await fileSource(file, { signal })
  if (Object.keys(source.values).every((key) => key === 'expect')) {
    const message = `${fileName(file)}: holds expectations alone, and no experiment whose runs could be found`
    throw new FedunifyError('E_OPTION', message, `name the runs too: fedunify check ${shellWord(file)} results/NAME`)
  }
  const planned = await expand(source, file, [], { load: false })
  const folders = [...new Set(planned.map(({ experiment: { out, name } }) => join(out, name)))]
  const there: string[] = []
  for (const folder of folders) if ((await kindOf(folder)) === 'folder') there.push(folder)
  const found = (await namedRuns(there)).flat()
  const newestFirst = found
    .filter((one) => 'run' in one)
    .sort((a, b) => (a.run.manifest.started < b.run.manifest.started ? 1 : -1))
  const byKey = new Map<string, typeof newestFirst>()
  for (const one of newestFirst) {
    const key = experimentKey(one.run.manifest.config)
    byKey.set(key, [...(byKey.get(key) ?? []), one])
  }
  const own = planned.map(({ experiment, id }): NamedRun => {
    const same = byKey.get(experimentKey(experiment)) ?? []
    const path = join(experiment.out, experiment.name, id)
    const missing = `${fileName(file)} describes it, and it was not run`
    return same.find(({ run }) => run.finished) ?? same[0] ?? { path, missing }
  })
  return [...own, ...found.filter((one) => 'error' in one)]
}
