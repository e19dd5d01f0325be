import { writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { experimentTemplate } from '../config/template.ts'
import { FedunifyError, messageOf, systemCodeOf } from '../errors.ts'
import { ROOT } from '../package.ts'
import { makeFolders, writeNamed } from '../system/files.ts'
import { isWithin } from '../system/shared-path.ts'
import { shellWord } from '../system/shell-word.ts'
import { oneLine } from '../visible.ts'
import { type Io, isStdout } from './io.ts'

const SCHEMA = join(ROOT, 'experiments', 'schema.json')

const EXAMPLES = `
Examples:
  fedunify init                       writes experiment.yaml
  fedunify init studies/alpha.yaml    creates the folder if there is none
  fedunify run experiment.yaml --dry-run

An editor with a YAML language server checks and completes the file. Its first line names the schema, which
\`fedunify config schema\` prints.
`

export function addInitCommand(program: Command, io: Io): void {
  program
    .command('init')
    .summary('write a commented experiment file to start from')
    .description(
      'Writes an experiment file that explains every key, what it may be, and its default. The common keys are set, ' +
        'the others are commented out.',
    )
    .argument('[file]', 'experiment file (YAML), - for stdout', 'experiment.yaml')
    .option('--force', 'replace the file if it exists')
    .addHelpText('after', EXAMPLES)
    .action((file: string, { force }: { force?: true }) => init(file, force ?? false, io))
}

async function init(file: string, force: boolean, io: Io): Promise<void> {
  const text = experimentTemplate(file, schemaAddress(file))
  if (await isStdout(file)) return io.out(text)
  const folder = dirname(file)
  await makeFolders(folder).catch((error: unknown) => {
    throw unwritable(folder, error)
  })
  const written = force ? writeNamed(file, text) : writeFile(file, text, { flag: 'wx' })
  await written.catch((error: unknown) => {
    if (systemCodeOf(error) !== 'EEXIST') throw unwritable(file, error)
    throw new FedunifyError(
      'E_FILE_EXISTS',
      `${file} is there already`,
      'name another file, or replace it with --force',
    )
  })
  const name = oneLine(file)
  io.say(
    `${name}: every key, explained\n  fedunify run ${oneLine(shellWord(file))} --dry-run    says what it would do\n`,
  )
}

function unwritable(path: string, error: unknown): FedunifyError {
  const why = systemCodeOf(error) ?? messageOf(error)
  return new FedunifyError(
    'E_FILE_UNWRITABLE',
    `${path} cannot be written (${why})`,
    'name a file in a folder of yours',
  )
}

/**
 * Where the schema is, for a comment in `file`: relative where both are in the current folder, so that the file can be
 * shared with it; else an address, in which a path may have spaces.
 */
function schemaAddress(file: string): string {
  const fromHere = relative(process.cwd(), SCHEMA)
  const fromFile = relative(dirname(resolve(file)), SCHEMA)
  const together = isWithin(fromHere) && isWithin(relative(process.cwd(), resolve(file)))
  return together && !/\s/.test(fromFile) ? fromFile.split(sep).join('/') : pathToFileURL(SCHEMA).href
}
