import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { FedunifyError } from '../errors.ts'
import { trackRuns } from '../export/mlflow.ts'
import { MlflowServer } from '../export/mlflow-server.ts'
import { tidyParquet } from '../export/parquet.ts'
import { type ExportedRun, exportedRuns } from '../export/points.ts'
import { EXPORT_NAMES, EXPORTS, type ExportName } from '../export/registry.ts'
import { tidyCsv } from '../export/table.ts'
import { EVENT_FILE, eventFile } from '../export/tensorboard.ts'
import { allRuns, namedRuns } from '../runs/read/named-runs.ts'
import { putFile } from '../runs/write/growing-file.ts'
import { makeFolders } from '../system/files.ts'
import { oneLine } from '../visible.ts'
import { type Io, isStdout } from './io.ts'
import { inFirstFolder, printPath, putMade } from './made.ts'

const HELP = `
What --to takes:
${EXPORT_NAMES.map((name) => `  ${name.padEnd(12)} ${EXPORTS[name].summary}`).join('\n')}

A row of the table has the run, its name and seed, the keys in which the runs differ (config.<key>), the round, the merge
rule or the owner, the metric and its value. Accuracies are fractions of 1, losses nats, sizes bytes (docs/formats.md).

Only --to mlflow contacts another machine: the server that you name. It reads MLFLOW_TRACKING_URI, and to log in
MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.

Examples:
  fedunify export results/table4 --to csv --output -          for a notebook, through a pipe
  fedunify export results/table4 --to parquet                 writes results/table4/export.parquet
  fedunify export results/table4 --to tensorboard             then: tensorboard --logdir results/table4/tensorboard
  fedunify export results/table4 --to mlflow --tracking-uri http://127.0.0.1:5000
`

interface ExportOptions {
  readonly to: ExportName
  readonly output?: string
  readonly trackingUri?: string
}

export function addExportCommand(program: Command, io: Io): void {
  const to = new Option('--to <form>', 'what to make of the runs').choices(EXPORT_NAMES).makeOptionMandatory()
  const uri = new Option('--tracking-uri <url>', 'with --to mlflow: its server').env('MLFLOW_TRACKING_URI')
  program
    .command('export')
    .summary('runs as a table for notebooks, for TensorBoard or for MLflow')
    .description('Exports the figures of runs, one by one: as a tidy table, as files of TensorBoard, or to MLflow.')
    .argument('<dirs...>', 'run folders, folders that hold them, or globs')
    .addOption(to)
    .option('--output <file>', 'where to write it; - is stdout (default: in the first folder)')
    .addOption(uri)
    .addHelpText('after', HELP)
    .action((dirs: string[], options: ExportOptions) => exportRuns(dirs, options, io))
}

async function exportRuns(dirs: readonly string[], options: ExportOptions, io: Io): Promise<void> {
  await assertOptions(options)
  const runs = exportedRuns([...new Set((await namedRuns(dirs)).flatMap(allRuns))])
  if (options.to === 'mlflow') return await track(runs, options.trackingUri!, io)
  const folders = runs.map(({ run }) => run)
  const file = await inFirstFolder(dirs[0]!, folders, EXPORTS[options.to].makes)
  if (options.to === 'tensorboard') {
    const out = options.output ?? file
    await putEventFiles(out, runs)
    return await printPath(out, io)
  }
  const content = options.to === 'csv' ? tidyCsv(runs) : await tidyParquet(runs)
  await putMade({ option: '--output', named: options.output, file, content }, io)
}

async function assertOptions({ to, output, trackingUri }: ExportOptions): Promise<void> {
  const refuse = (message: string, hint: string) => new FedunifyError('E_OPTION', message, hint)
  if (to !== 'mlflow') {
    if (output === '') throw refuse('--output is empty', 'name the file to write, or - for stdout')
    if (output !== undefined && to !== 'csv' && (await isStdout(output))) {
      throw refuse(`--output ${output}: ${to} is no text`, 'name a file or a folder')
    }
    return
  }
  if (output !== undefined) throw refuse('--output beside --to mlflow', 'name the server with --tracking-uri')
  if (!trackingUri) {
    throw refuse('--to mlflow without --tracking-uri', 'name the server: --tracking-uri http://127.0.0.1:5000')
  }
}

/** A folder for each run, as TensorBoard tells runs apart. */
async function putEventFiles(out: string, runs: readonly ExportedRun[]): Promise<void> {
  for (const run of runs) {
    const folder = join(out, run.id)
    await makeFolders(folder)
    await putFile(join(folder, EVENT_FILE), eventFile(run))
  }
}

async function track(runs: readonly ExportedRun[], uri: string, io: Io): Promise<void> {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: username } = process.env
  const credentials = { token, username, password: process.env.MLFLOW_TRACKING_PASSWORD }
  const server = new MlflowServer(uri, credentials, io.signal)
  for await (const { id, runId } of trackRuns(server, runs)) {
    io.out(runId === undefined ? `${oneLine(id)}: is there already\n` : `${oneLine(id)}: run ${oneLine(runId)}\n`)
  }
}
