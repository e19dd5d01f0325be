import { Command, CommanderError } from 'commander'
import { follow } from '../completion/words.ts'
import { meantKey } from '../config/meant.ts'
import { EXIT, FedunifyError, messageOf } from '../errors.ts'
import { VERSION } from '../package.ts'
import { wrap } from '../report/terminal/wrap.ts'
import { refusalOf } from '../system/refusal.ts'
import { isNpx, throughNpx } from './as-called.ts'
import { colorsOf, type Io, type Streams, screened } from './io.ts'

/** Loaded when they are called: one does not wait for what the others need. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command, io: Io) => void>>> = {
  run: async () => (await import('./run.ts')).addRunCommand,
  batch: async () => (await import('./batch.ts')).addBatchCommand,
  worker: async () => (await import('./worker.ts')).addWorkerCommand,
  ls: async () => (await import('./ls.ts')).addLsCommand,
  show: async () => (await import('./show.ts')).addShowCommand,
  report: async () => (await import('./report.ts')).addReportCommand,
  check: async () => (await import('./check.ts')).addCheckCommand,
  verify: async () => (await import('./verify.ts')).addVerifyCommand,
  compare: async () => (await import('./compare.ts')).addCompareCommand,
  explain: async () => (await import('./explain.ts')).addExplainCommand,
  audit: async () => (await import('./audit.ts')).addAuditCommand,
  remerge: async () => (await import('./remerge.ts')).addRemergeCommand,
  disclose: async () => (await import('./disclose.ts')).addDiscloseCommand,
  export: async () => (await import('./export.ts')).addExportCommand,
  merge: async () => (await import('./merge.ts')).addMergeCommand,
  inspect: async () => (await import('./inspect.ts')).addInspectCommand,
  data: async () => (await import('./data.ts')).addDataCommand,
  init: async () => (await import('./init.ts')).addInitCommand,
  config: async () => (await import('./config.ts')).addConfigCommand,
  serve: async () => (await import('./serve.ts')).addServeCommand,
  join: async () => (await import('./join.ts')).addJoinCommand,
  federation: async () => (await import('./federation.ts')).addFederationCommand,
  doctor: async () => (await import('./doctor.ts')).addDoctorCommand,
  completion: async () => (await import('./completion.ts')).addCompletionCommand,
}

const HELP = `
Start with:
    fedunify doctor                            is this machine ready?
    fedunify run --env H --merge avg           two owners, ten classes, neither has seen more than five
    fedunify init                              an experiment file, every key explained
    fedunify batch experiments/table4.yaml     the paper's Table 4, three seeds

Exit codes: 0 done, 1 an expectation was missed (check), 2 wrong option or experiment, 3 data missing or wrong,
4 training or merging failed, 130 interrupted.
`

/**
 * Parses, runs, prints what went wrong.
 * @returns the exit code: 0 ok, 1 a threshold missed, 2 usage or config, 3 data, 4 training, 130 interrupted
 */
export async function main(args: readonly string[], given: Streams): Promise<number> {
  const names = Object.keys(COMMANDS)
  const io = screened(given, isNpx(process.env) ? (text) => throughNpx(text, names) : undefined)
  const program = new Command('fedunify')
    .description(
      'Trains one identical CNN at every data owner, merges the weights each round, and measures the result.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(wrap(io.asCalled(text), io.width)),
      writeErr: (text) => io.err(text),
      outputError: () => {},
      getOutHelpWidth: () => io.width ?? 80,
    })
    .showHelpAfterError(false)
    .addHelpText('after', HELP)
  try {
    await addCommands(program, args[0], io)
    if (args.length === 0) {
      program.outputHelp()
      return EXIT.ok
    }
    await program.parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    const { command } = follow(program, args)
    const flags = command.options.flatMap(({ long }) => (long ? [long.slice(2)] : []))
    return report(error, io, helpOf(command), flags)
  }
}

/** The command that is called; if none is, all of them, as for the help or to find what was meant. */
async function addCommands(program: Command, called: string | undefined, io: Io): Promise<void> {
  if (called === '--version' || called === '-V') return
  const names = Object.keys(COMMANDS)
  for (const name of called && names.includes(called) ? [called] : names) (await COMMANDS[name]!())(program, io)
}

/** How to ask for the help of the command that was meant. */
function helpOf(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name())
  return `${names.join(' ')} --help`
}

/** A flag that other tools call by another name. */
function meantFlag(message: string, flags: readonly string[]): string | undefined {
  const [, flag] = /^unknown option '--([\w-]+)/.exec(message) ?? []
  const meant = flag === undefined ? undefined : meantKey(flag, flags)
  return meant && `did you mean --${meant}?`
}

/**
 * Says what went wrong: one line and a hint, and only of what nobody foresaw the stack.
 * @param help how to ask for help
 * @param flags of the command
 * @returns the exit code for it
 */
export function report(error: unknown, io: Io, help = 'fedunify --help', flags: readonly string[] = []): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok
    // A command that lacks its subcommand has shown its help.
    if (error.code === 'commander.help') return EXIT.usage
    const [message = '', hint] = error.message.replace(/^error: /, '').split('\n')
    const suggestion = meantFlag(message, flags) ?? hint?.replace(/^\((.*)\)$/, '$1').replace(/^Did/, 'did')
    return report(new FedunifyError('E_OPTION', message, suggestion ?? `see ${help}`), io, help)
  }
  const { red, dim } = colorsOf(io, 'err')
  const refusal = refusalOf(error)
  if (refusal) {
    io.err(`${red('error:')} ${refusal.message}\n`)
    if (refusal.hint) io.err(`${dim('hint:')} ${refusal.hint}\n`)
    return refusal.exitCode
  }
  const stack = error instanceof Error ? error.stack : undefined
  io.err(
    `${red('error:')} ${messageOf(error)}\n${dim('hint:')} this is a bug of fedunify: please report it\n${stack ?? ''}\n`,
  )
  return EXIT.training
}
