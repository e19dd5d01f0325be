import { Argument, type Command } from 'commander'
import { candidates } from '../completion/candidates.ts'
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts'
import { unknownName } from '../errors.ts'
import type { Io } from './io.ts'

const HELP = `
Completes commands, options, the names that options take (--env, --merge avg,max, --set env=H …) and experiment files.

To load it in every new shell:
  bash    echo 'source <(fedunify completion bash)' >> ~/.bashrc
  zsh     echo 'source <(fedunify completion zsh)' >> ~/.zshrc      (after the line with compinit)
  fish    fedunify completion fish > ~/.config/fish/conf.d/fedunify.fish

The scripts complete "npx fedunify" too, in a folder where it is installed. If that is the only form that you use, write
the script to a file and load that:
  bash    npx fedunify completion bash > ~/.fedunify.bash; echo 'source ~/.fedunify.bash' >> ~/.bashrc
`

export function addCompletionCommand(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('print the script with which a shell completes fedunify')
    .description('Prints the script with which bash, zsh or fish completes the command line of fedunify.')
    .addArgument(new Argument('<shell>').choices(SHELLS).argParser(shellName))
    .addHelpText('after', HELP)
    .action((shell: Shell) => io.out(SCRIPTS[shell]))

  // What the scripts call: one candidate on each line, and never a word about what went wrong.
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const found = await candidates(program, words)
      io.out(found.map(({ value, description }) => `${value}\t${description}\n`).join(''))
    })
}

function shellName(value: string): Shell {
  if (!(SHELLS as string[]).includes(value)) throw unknownName('shell', value, SHELLS)
  return value as Shell
}
