import type { Command } from 'commander'
import { RESULTS } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { explainRun } from '../explain/explain-run.ts'
import { plainExplained } from '../explain/plain.ts'
import { openKept } from '../remerge/open-kept.ts'
import { EXPLAIN_FORMATS } from '../report/terminal/explanation.ts'
import { fetchProgress } from '../report/terminal/progress.ts'
import { prepareRun } from '../run/prepare.ts'
import { LATEST } from '../runs/latest.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { pickRun } from '../runs/read/pick-run.ts'
import { readModel } from '../runs/read/read-model.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { experimentOfRun } from './experiment-of-run.ts'
import { addFormatOptions } from './format-option.ts'
import { type Io, progressView } from './io.ts'
import { addSaveOption, openSaving, type SaveFlags } from './save-analysis.ts'

const HELP = `
Evaluates the unified model of the last round in other ways, without training: with the classes of an image's owner alone,
with a last layer that is fitted to all owners' images, and with one on random features of the last map. If the run has kept
its owners' weights (--keep owners), also how they pull apart, layer by layer, and what lies on the line between two of them.

What it finds is kept in the run folder, in explain.json, and drawn in its report.html; --no-save leaves the folder as it is.
The run's own files do not change.

Examples:
  fedunify explain latest
  fedunify explain results/kept/one --json
`

type ExplainFormat = keyof typeof EXPLAIN_FORMATS

interface ExplainOptions extends FetchFlags, SaveFlags {
  readonly data?: string
  readonly format: ExplainFormat
  readonly quiet?: true
}

export function addExplainCommand(program: Command, io: Io): void {
  const command = program
    .command('explain')
    .summary('where the lost accuracy of a unified model sits')
    .description('Measures where a unified model loses accuracy, and names the method that the numbers point to.')
    .argument('[run]', `run folder, id of a run, or ${LATEST}`, LATEST)
    .option('--data <dir>', "folder with the dataset (default: the run's)")
    .option('--quiet', 'no progress')
  addSaveOption(command)
  addFetchOptions(command)
  addFormatOptions(command, Object.keys(EXPLAIN_FORMATS) as ExplainFormat[])
    .addHelpText('after', HELP)
    .action((named: string, options: ExplainOptions) => explain(named, options, io))
}

async function explain(named: string, options: ExplainOptions, io: Io): Promise<void> {
  const dir = await pickRun(named, RESULTS)
  const run = await loadRun(dir)
  if (run.rounds === 0) throw new FedunifyError('E_RUN_NOT_FOUND', `${dir}: no round was finished`, 'let it run first')
  const model = await readModel(dir, 'a published run may leave its model out: do the run again')
  const saving = await openSaving(run, 'explain.json', options, io)
  const { signal } = io
  const own = await experimentOfRun(dir, options.data, signal)
  const view = progressView(io, options.quiet === true)
  try {
    const prepared = await prepareRun(own, { ...accessOf(options), signal, progress: fetchProgress(view) })
    const explanation = await explainRun(run, prepared, {
      model,
      kept: await lastKept(run),
      signal,
      progress: (done, all) => view.transfer(`${done} of ${all} measurements`, done / all, 'done'),
    })
    view.stop()
    io.out(EXPLAIN_FORMATS[options.format](explanation, io.width))
    await saving?.save(plainExplained(explanation))
  } finally {
    view.stop()
  }
}

/** The last round whose weights were kept; undefined if none were. */
async function lastKept(run: Awaited<ReturnType<typeof loadRun>>) {
  if (run.manifest.config.keep === undefined) return undefined
  const kept = await openKept(run)
  return await kept.read(kept.rounds.at(-1)!)
}
