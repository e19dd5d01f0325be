import type { Command } from 'commander'
import { RESULTS } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { reportDocument } from '../report/html/document.ts'
import { groupRecords, readRecords } from '../report/run-record.ts'
import { NAME_HINT } from '../runs/read/find-runs.ts'
import { REPORT } from '../runs/run-files.ts'
import { oneLine } from '../visible.ts'
import type { Io } from './io.ts'
import { inFirstFolder, putMade } from './made.ts'

const EXAMPLES = `
The page needs no network and no other file. It has the verdict, accuracy by round, the differences between the models,
each owner's local model against the unified one, the paper's table next to ours (environments V and H), losses,
accuracy by class, confusion, drift, what explain, remerge and audit found if they were asked, what each owner holds, and the
manifest; each figure has its numbers as a table and can be saved as SVG or PNG. Several experiments make a table that can be sorted, and a folded chapter each.

Runs that differ only in their seed are one experiment: lines are means, bands one standard deviation.
If a run is unfinished, the page shows its finished rounds and says so. A run and a batch write their page at the end.

--watch serves the page of one run to browsers on this machine, at an address with a random token, and renews it when a
round is done. Without a folder it takes the run below results that is running, or else the one that began last.

Examples:
  fedunify report results/table4                           a batch: writes results/table4/report.html
  fedunify report results/H-avg/20261123-184502            a run
  fedunify report results/a/1 results/b/1 --out ab.html    several
  fedunify report --watch                                  the run that is running, live; Ctrl-C ends it
`

export function addReportCommand(program: Command, io: Io): void {
  program
    .command('report')
    .summary('write an HTML page with the figures of a run or a batch')
    .description('Writes one self-contained HTML page about run folders: verdict, figures, tables, manifest.')
    .argument('[dirs...]', 'run folders, folders that hold them, or globs')
    .option('--out <file>', 'where to write it; - is stdout (default: report.html in the first folder)')
    .option('--watch', 'serve the page of a run on this machine, and renew it as the run goes on')
    .addHelpText('after', EXAMPLES)
    .action((dirs: string[], options: ReportOptions) =>
      options.watch ? watch(dirs, options, io) : report(dirs, options, io),
    )
}

interface ReportOptions {
  readonly out?: string
  readonly watch?: true
}

async function report(dirs: readonly string[], options: ReportOptions, io: Io): Promise<void> {
  if (dirs.length === 0) throw new FedunifyError('E_OPTION', 'no run is named', NAME_HINT)
  const runs = await readRecords(dirs)
  for (const note of new Set(runs.flatMap((run) => run.note ?? []))) io.err(`note: ${oneLine(note)}\n`)
  const file = await inFirstFolder(dirs[0]!, runs, REPORT)
  await putMade({ option: '--out', named: options.out, file, content: reportDocument(groupRecords(runs)) }, io)
}

/** Follows a run until Ctrl-C, which is how it is meant to end. */
async function watch(dirs: readonly string[], { out }: ReportOptions, io: Io): Promise<void> {
  if (out !== undefined) throw new FedunifyError('E_CONFLICT', '--out beside --watch', 'leave one of them out')
  if (dirs.length > 1) throw new FedunifyError('E_OPTION', '--watch with several names', 'it follows one run: name one')
  const [{ newestRun }, { WatchedRun }, { serveLivePage }] = await Promise.all([
    import('../runs/read/newest-run.ts'),
    import('../report/live/watch.ts'),
    import('../report/live/server.ts'),
  ])
  const path = await newestRun(dirs[0] ?? RESULTS)
  const run = new WatchedRun(path)
  await run.look()
  const page = await serveLivePage(run)
  try {
    io.out(`${page.url}\n`)
    io.err(`follows ${oneLine(path)}; open the address in a browser on this machine, Ctrl-C ends\n`)
    await run.follow(io.signal)
  } finally {
    await page.close()
  }
}
