import { Argument, type Command } from 'commander'
import { chosenRuns } from '../config/choose-run.ts'
import { schemaText } from '../config/json-schema.ts'
import { asksForSeveral, experimentSources, makesSeveral } from '../config/load.ts'
import { type Setting, settings } from '../config/origin.ts'
import { withOwnRules } from '../config/parts/own-rules.ts'
import { fileName } from '../config/read.ts'
import { resolveExperiment } from '../config/resolve.ts'
import { fileSource, type Source } from '../config/source.ts'
import { columns } from '../report/terminal/columns.ts'
import { flow, settingsTable } from '../report/terminal/settings-table.ts'
import { wrap } from '../report/terminal/wrap.ts'
import { eventSchemaText } from '../runs/event-schema.ts'
import { shellWord } from '../system/shell-word.ts'
import { oneLine } from '../visible.ts'
import { addExperimentOptions, addSeedsOption, experimentFlags, repeated, SET_HELP } from './experiment-options.ts'
import { colorsOf, type Io } from './io.ts'

export function addConfigCommand(program: Command, io: Io): void {
  const config = program
    .command('config')
    .summary('show a resolved experiment, or the schema of experiment files')
    .description('Shows every value of an experiment, or the schema of experiment files.')
  addShowCommand(config, io)
  addSchemaCommand(config, io)
}

const SHOW_HELP = `
Each value says where it comes from: the file and its line, --set, a flag, or the default. "derived" means that it
follows from other values or from this machine. If the file makes several runs, all of them are shown, or those that
--set and flags choose.

Examples:
  fedunify config show                                   the defaults
  fedunify config show experiments/table4.yaml
  fedunify config show my.yaml --set lr=0.05 --env H     what \`fedunify run\` would do with these arguments
  fedunify config show - < my.yaml
`

interface ShowOptions {
  readonly set?: string[]
  readonly json?: true
}

function addShowCommand(config: Command, io: Io): void {
  const command = config
    .command('show')
    .summary('show every value of an experiment and where it comes from')
    .description('Shows every value of an experiment, after defaults < file < --set < flags. Nothing is run.')
    .argument('[experiment]', 'experiment file (YAML); - is standard input')
    .option('--set <key=value>', SET_HELP, repeated)
    .option('--json', 'write one JSON object')
  addSeedsOption(command)
  addExperimentOptions(command)
  command.addHelpText('after', SHOW_HELP).action(async (file: string | undefined, options: ShowOptions) => {
    const text = await show(file, options, io)
    if (options.json) io.out(text)
    else io.say(wrap(text, io.width))
  })
}

async function show(file: string | undefined, options: ShowOptions, io: Io): Promise<string> {
  const { set = [], json = false } = options
  const flags = experimentFlags({ ...options })
  // Read once: it may be a pipe.
  const written = file === undefined ? undefined : await fileSource(file, { signal: io.signal })
  if ((written && makesSeveral(written)) || asksForSeveral({ set, flags })) {
    return await showBatch(written, file, options, flags, io)
  }
  const { sources, ...own } = await withOwnRules(experimentSources(written, { set, flags }), NOTHING_RUN)
  const shown = settings(resolveExperiment(sources, file, own), sources, own.vocabulary)
  if (json) return jsonText({ file: file ?? null, batch: false, settings: jsonSettings(shown) })
  return settingsTable(shown, colorsOf(io), io.width)
}

/** What is shown is not run, the code of rules neither. */
const NOTHING_RUN = { load: false }

async function showBatch(
  written: Source | undefined,
  file: string | undefined,
  options: ShowOptions,
  flags: Record<string, string>,
  io: Io,
): Promise<string> {
  const runs = await chosenRuns(written, file, { set: options.set ?? [], flags }, NOTHING_RUN)
  const each = runs.map(({ experiment, sources, vocabulary }) => settings(experiment, sources, vocabulary))
  if (options.json) {
    const shown = runs.map(({ id }, i) => ({ id, settings: jsonSettings(each[i]!) }))
    return jsonText({ file: file ?? null, batch: true, runs: shown })
  }
  // Runs differ in their keys too: each has the options of its own parts.
  const settingOf = new Map(each.flat().map((setting) => [setting.key, setting]))
  const byKey = each.map((own) => new Map(own.map(({ key, value }) => [key, value])))
  const values = (key: string) => byKey.map((own) => own.get(key))
  const varying = [...settingOf.keys()].filter(
    (key) => new Set(values(key).map((value) => JSON.stringify(value))).size > 1,
  )
  const common = [...settingOf.values()].map(
    (s): Setting => (varying.includes(s.key) ? { ...s, value: 'see below' } : s),
  )
  const cells = varying.map((key) => values(key).map(flow))
  const table = columns(
    ['run', ...varying],
    runs.map(({ id }, i) => [id, ...cells.map((column) => column[i]!)]),
    io.width,
  )
  const count = runs.length === 1 ? '1 run' : `${runs.length} runs`
  const head =
    file === undefined
      ? `a batch of ${count}: fedunify run, with these arguments`
      : `${oneLine(fileName(file))} is a batch of ${count}: fedunify batch ${oneLine(shellWord(file))}`
  return `${head}\n\n${settingsTable(common, colorsOf(io), io.width)}\n${table}\n`
}

const jsonSettings = (shown: readonly Setting[]) =>
  Object.fromEntries(shown.map(({ key, value = null, from, place = null }) => [key, { value, from, place }]))

/** Raised when a reader would have to change. */
const FORMAT = 1

const jsonText = (value: object) => `${JSON.stringify({ format: FORMAT, ...value }, null, 2)}\n`

const SCHEMA_HELP = `
An editor with a YAML language server uses it for every file that begins with
  # yaml-language-server: $schema=schema.json
\`fedunify init\` writes that line. The schema comes with fedunify, as experiments/schema.json, and that of events as
docs/events.schema.json.

Examples:
  fedunify config schema          of experiment files
  fedunify config schema events   of a line of events.jsonl, or of run --json
`

function addSchemaCommand(config: Command, io: Io): void {
  config
    .command('schema')
    .summary('print the JSON Schema of experiment files, or of events')
    .description('Prints a JSON Schema (draft 2020-12): of experiment files, or of the events of a run.')
    .addArgument(new Argument('[of]', 'what it describes').choices(['experiment', 'events']).default('experiment'))
    .addHelpText('after', SCHEMA_HELP)
    .action((of: string) => io.out(of === 'events' ? eventSchemaText() : schemaText()))
}
