import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { RESULTS } from '../config/schema.ts'
import { RUN_FORMATS, type RunFile, type RunFormat } from '../report/terminal/run-details.ts'
import { keptFile, OWNERS } from '../runs/kept-files.ts'
import { LATEST } from '../runs/latest.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { pickRun } from '../runs/read/pick-run.ts'
import { runBefore } from '../runs/read/run-before.ts'
import { byName } from '../system/glob.ts'
import { oneLine } from '../visible.ts'
import { colorsOf, type Io } from './io.ts'

const HELP = `
A run is a run folder, ${LATEST}, or an id as fedunify ls prints it (the folder below ${RESULTS}/ that is called so; its
beginning is enough). All files of the run are verified.

Examples:
  fedunify show                                   the newest run
  fedunify show results/reference/first/H
  fedunify show results/reference/first/H --json
`

export function addShowCommand(program: Command, io: Io): void {
  program
    .command('show')
    .summary('show one run: config, accuracies, files, what to do next')
    .description('Shows one run: what was changed in its config, who held what, accuracies, files, next commands.')
    .argument('[run]', `run folder, id of a run, or ${LATEST}`, LATEST)
    .addOption(
      new Option('--format <name>', 'format of the output').choices(Object.keys(RUN_FORMATS)).default('terminal'),
    )
    .addOption(new Option('--json', 'short for --format json').implies({ format: 'json' }))
    .addHelpText('after', HELP)
    .action(async (named: string, { format }: { format: RunFormat }) => {
      const run = await loadRun(await pickRun(named, RESULTS))
      if (run.note !== undefined) io.err(`note: ${oneLine(run.note)}\n`)
      const shown = { run, files: await filesIn(run.path), before: await runBefore(run.path) }
      io[format === 'terminal' ? 'say' : 'out'](RUN_FORMATS[format](shown, { colors: colorsOf(io), width: io.width }))
    })
}

/** Plain files of a folder and of those in it; kept weights, of which there may be thousands, are one. */
async function filesIn(dir: string): Promise<RunFile[]> {
  const names = (await readdir(dir, { recursive: true })).filter((name) => !name.startsWith('.')).sort(byName)
  const all = await Promise.all(
    names.map(async (name) => ({ name, info: await stat(join(dir, name)).catch(() => undefined) })),
  )
  const files = all.flatMap(({ name, info }) => (info?.isFile() ? [{ name, bytes: info.size }] : []))
  const kept = files.filter(({ name }) => isKept(name))
  if (kept.length === 0) return files
  const bytes = kept.reduce((sum, file) => sum + file.bytes, 0)
  return [...files.filter(({ name }) => !isKept(name)), { name: `${OWNERS}/ (${kept.length} files)`, bytes }]
}

const isKept = (name: string) => keptFile(name.replaceAll('\\', '/')) !== undefined
