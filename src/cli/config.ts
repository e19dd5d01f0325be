import type { Command } from 'commander'
import { schemaText } from '../config/json-schema.ts'
import type { Io } from './io.ts'

export function addConfigCommand(program: Command, io: Io): void {
  const config = program
    .command('config')
    .summary('show a resolved experiment, or the schema of experiment files')
    .description('What an experiment comes to, and what it may hold.')
  addSchemaCommand(config, io)
}

const SCHEMA_HELP = `
Editors with a YAML language server use it for every file whose first line is
  # yaml-language-server: $schema=schema.json
and \`fedunify init\` writes that line. It comes with fedunify as experiments/schema.json.
`

function addSchemaCommand(config: Command, io: Io): void {
  config
    .command('schema')
    .summary('print the JSON Schema of experiment files')
    .description('Prints the JSON Schema (draft 2020-12) of experiment files: keys, descriptions, defaults, names.')
    .addHelpText('after', SCHEMA_HELP)
    .action(() => io.out(schemaText()))
}
