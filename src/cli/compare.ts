import { type Command, InvalidArgumentError } from 'commander'
import { compareSides } from '../compare/compare.ts'
import type { ComparedRound } from '../compare/side.ts'
import { namedSides } from '../compare/sides.ts'
import { LAST_EPOCH_TEXT } from '../paper/tables.ts'
import { COMPARISON_FORMATS, remarks } from '../report/terminal/comparison.ts'
import { addFormatOptions, type FormatName } from './format-option.ts'
import type { Io } from './io.ts'

const HELP = `
A side is a run folder, a folder of runs (one side for each experiment in it: mean ± standard deviation over its
seeds), a glob, or paper: Table 3 (env V) or Table 4 (env H), whose last row, epoch ${LAST_EPOCH_TEXT},
is shown at end. It is always the first side, so that differences are ours minus the paper's.

Examples:
  fedunify compare results/table4 paper                      ours next to the paper's
  fedunify compare results/V-avg/before results/V-avg/after
  fedunify compare results/table3 results/table3-separate --rounds 1,10,end
  fedunify compare results/table4 paper --format markdown >> notes.md

Two sides are columns. From three on, each side has rows of its own, with its difference from the first. If the runs are
driven by different merge rules, "sent back" has the accuracy of whichever rule's model goes back to the owners.

If both sides have several seeds, a difference has its 95 % interval (Student's t), paired over the seeds that both have, and
the word noise if the interval contains 0. From three sides on, a line names the best side at the last of the rounds and
those that are within noise of it. With one seed there is no interval.

Warnings below the table say why figures do not compare: another model or other images, unfinished runs, other rounds.
A dash marks a figure that a side does not have. If a folder is called paper, write ./paper.
`

export function addCompareCommand(program: Command, io: Io): void {
  const command = program
    .command('compare')
    .summary("show runs side by side, or next to the paper's tables")
    .description('Shows the accuracies of two or more sides. Differences are in percentage points from the first side.')
    .argument('<sides...>', 'run folders, folders of runs, globs, or paper')
    .option('--rounds <list>', 'rounds to show: numbers, or end for the last one', roundList, [
      1,
      2,
      3,
      'end',
    ] satisfies ComparedRound[])
  addFormatOptions(command)
    .addHelpText('after', HELP)
    .action(async (named: string[], options: { format: FormatName; rounds: ComparedRound[] }) => {
      const comparison = compareSides(await namedSides(named), options.rounds)
      io.out(COMPARISON_FORMATS[options.format](comparison, io.width))
      // A CSV has no place for them.
      if (options.format === 'csv') for (const line of remarks(comparison)) io.err(`${line}\n`)
    })
}

function roundList(text: string): ComparedRound[] {
  const rounds = text.split(',').map((part): ComparedRound => {
    const word = part.trim()
    if (word === 'end') return word
    if (!/^[1-9]\d*$/.test(word)) throw new InvalidArgumentError('expected round numbers or end, for example 1,10,end')
    return Number(word)
  })
  return [...new Set(rounds)]
}
