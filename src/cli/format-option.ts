import { type Command, Option } from 'commander'

/** The forms in which a table of runs is printed. */
const FORMAT_NAMES = ['terminal', 'markdown', 'csv', 'json'] as const

export type FormatName = (typeof FORMAT_NAMES)[number]

/** Options that are short for one of the formats. */
const SHORT = { md: 'markdown', csv: 'csv', json: 'json' } as const satisfies Record<string, FormatName>

/** Adds `--format`, and `--md`, `--csv` and `--json` as far as there are these formats, each of which is short for one. */
export function addFormatOptions(command: Command, formats: readonly FormatName[] = FORMAT_NAMES): Command {
  command.addOption(new Option('--format <name>', 'format of the table').choices(formats).default('terminal'))
  const names = (Object.keys(SHORT) as (keyof typeof SHORT)[]).filter((name) => formats.includes(SHORT[name]))
  for (const name of names) {
    const others = names.filter((other) => other !== name)
    command.addOption(
      new Option(`--${name}`, `short for --format ${SHORT[name]}`)
        .implies({ format: SHORT[name] })
        .conflicts([...others]),
    )
  }
  return command
}
