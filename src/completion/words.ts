import type { Command, Option } from 'commander'

/** Where a command line has come to: what its words before the one under the cursor say. */
export interface Position {
  readonly command: Command
  /** The option whose value comes next. */
  readonly pending: Option | undefined
  readonly given: ReadonlySet<Option>
  /** Arguments of the command so far. */
  readonly count: number
  /** Whether `--` came: what follows is no option. */
  readonly literal: boolean
  /** Whether names of commands are asked for: `fedunify help …`. */
  readonly help: boolean
}

/** Follows the words as commander would, without its errors. */
export function follow(program: Command, words: readonly string[]): Position {
  let command = program
  let pending: Option | undefined
  let given = new Set<Option>()
  let count = 0
  let literal = false
  let help = false
  for (const word of words) {
    if (pending) {
      pending = undefined
    } else if (!literal && word === '--') {
      literal = true
    } else if (!literal && word.startsWith('-') && word !== '-') {
      const option = optionOf(command, word.replace(/=.*$/s, ''))
      if (option) given.add(option)
      if (option?.required && !word.includes('=')) pending = option
    } else {
      const inner = count === 0 ? command.commands.find((c) => [c.name(), ...c.aliases()].includes(word)) : undefined
      if (inner) {
        command = inner
        given = new Set()
      } else if (word === 'help' && count === 0 && command.commands.length > 0) {
        help = true
      } else {
        count += 1
      }
    }
  }
  return { command, pending, given, count, literal, help }
}

/** The option of a command that goes by "--env" or "-h". */
export const optionOf = (command: Command, name: string): Option | undefined =>
  command.options.find(({ short, long }) => name === long || name === short)
