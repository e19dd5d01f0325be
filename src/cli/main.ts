import { Command, CommanderError } from 'commander'
import { follow } from '../completion/words.ts'
import { EXIT, FedunifyError, messageOf } from '../errors.ts'
import { VERSION } from '../results/manifest.ts'
import { addBatchCommand } from './batch.ts'
import { addCheckCommand } from './check.ts'
import { addCompareCommand } from './compare.ts'
import { addCompletionCommand } from './completion.ts'
import { addConfigCommand } from './config.ts'
import { addDataCommand } from './data.ts'
import { addDoctorCommand } from './doctor.ts'
import { addInitCommand } from './init.ts'
import { colorsOf, type Io } from './io.ts'
import { addReportCommand } from './report.ts'
import { addRunCommand } from './run.ts'

const HELP = `
To begin with:
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
export async function main(args: readonly string[], io: Io): Promise<number> {
  const program = new Command('fedunify')
    .description(
      'Trains one identical CNN at every data owner, merges the weights each round, and measures the result.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text), outputError: () => {} })
    .showHelpAfterError(false)
    .addHelpText('after', HELP)
  addRunCommand(program, io)
  addBatchCommand(program, io)
  addReportCommand(program, io)
  addCheckCommand(program, io)
  addCompareCommand(program, io)
  addDataCommand(program, io)
  addInitCommand(program, io)
  addConfigCommand(program, io)
  addDoctorCommand(program, io)
  addCompletionCommand(program, io)
  try {
    if (args.length === 0) {
      program.outputHelp()
      return EXIT.ok
    }
    await program.parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    return report(error, io, helpOf(program, args))
  }
}

/** How to ask for the help of the command that was meant. */
function helpOf(program: Command, args: readonly string[]): string {
  const names: string[] = []
  for (let at: Command | null = follow(program, args).command; at; at = at.parent) names.unshift(at.name())
  return `${names.join(' ')} --help`
}

function report(error: unknown, io: Io, help: string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok
    // A command that lacks its subcommand has shown its help.
    if (error.code === 'commander.help') return EXIT.usage
    const [message = '', hint] = error.message.replace(/^error: /, '').split('\n')
    const suggestion = hint?.replace(/^\((.*)\)$/, '$1').replace(/^Did/, 'did')
    return report(new FedunifyError('usage', message, suggestion ?? `see ${help}`), io, help)
  }
  const { red, dim } = colorsOf(io, 'err')
  if (error instanceof FedunifyError) {
    io.err(`${red('error:')} ${error.message}\n`)
    if (error.hint) io.err(`${dim('hint:')} ${error.hint}\n`)
    return error.exitCode
  }
  const stack = error instanceof Error ? error.stack : undefined
  io.err(
    `${red('error:')} ${messageOf(error)}\n${dim('hint:')} this is a bug of fedunify: please report it\n${stack ?? ''}\n`,
  )
  return EXIT.training
}
