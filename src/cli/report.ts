import { join } from 'node:path'
import type { Command } from 'commander'
import { reportDocument } from '../report/html/document.ts'
import { groupRecords, readRecords } from '../report/run-record.ts'
import { putFile } from '../runs/write/growing-file.ts'
import { oneLine } from '../visible.ts'
import { firstFolder } from './first-folder.ts'
import { type Io, isStdout, putNamed } from './io.ts'

const EXAMPLES = `
The page needs no network and no other file. It has the verdict, accuracy by round, the paper's table next to
ours (environments V and H), accuracy by class, confusion matrices, how far the owners' weights drift apart, what each
owner holds, and the manifest; each figure has its numbers as a table and can be saved as SVG or PNG.

Runs that differ only in their seed are one experiment: lines are means, bands one standard deviation.
If a run is unfinished, the page shows its finished rounds and says so.

Examples:
  fedunify report results/table4                           a batch: writes results/table4/report.html
  fedunify report results/H-avg/20261123-184502            a run
  fedunify report results/a/1 results/b/1 --out ab.html    several
`

export function addReportCommand(program: Command, io: Io): void {
  program
    .command('report')
    .summary('write an HTML page with the figures of a run or a batch')
    .description('Writes one self-contained HTML page about run folders: verdict, figures, tables, manifest.')
    .argument('<dirs...>', 'run folders, folders that hold them, or globs')
    .option('--out <file>', 'where to write it; - is stdout (default: report.html in the first folder)')
    .addHelpText('after', EXAMPLES)
    .action((dirs: string[], options: { out?: string }) => report(dirs, options, io))
}

async function report(dirs: readonly string[], options: { out?: string }, io: Io): Promise<void> {
  const runs = await readRecords(dirs)
  for (const note of new Set(runs.flatMap((run) => run.note ?? []))) io.err(`note: ${oneLine(note)}\n`)
  const out = options.out ?? join(await firstFolder(dirs[0]!, runs), 'report.html')
  const page = reportDocument(groupRecords(runs))
  if (options.out === undefined) await putFile(out, page)
  else await putNamed('--out', out, page, io)
  if (!(await isStdout(out))) io.out(`${oneLine(out)}\n`)
}
