import { appendFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { checkRuns } from '../check/check-runs.ts'
import { pointsText, type RunOutcomes, tally, tallyLine, worst } from '../check/outcome.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { type Destination, destinations, LINES, splitOutput } from '../report/check/destinations.ts'
import { githubSummary } from '../report/check/github.ts'
import { REPORTER_NAMES, REPORTERS, type ReporterName } from '../report/check/registry.ts'
import { STDOUT } from '../system/files.ts'
import { NO_COLORS, oneLine } from '../visible.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io, isStdout, putNamed } from './io.ts'

const HELP = `
Expectations are part of an experiment file, or have a file of their own:
  expect:
    - { metric: unified, merge: avg, at: end, min: 0.7868 }      # at: a round, end or best; or min: 78.68 %
    - { metric: local, owner: 1, at: 1, min: 0.90 }              # without owner: every owner; without merge: every rule
    - { metric: unified, merge: avg, max-gap-to: pooled, points: 5 }
    - { metric: unified, merge: avg, max-drop-from: results/reference/first/H/unified.csv, points: 1.5 }
    - { metric: participants, each-round: 2 }
    - { metric: labels, owner: 1, sha256: 4b1c… }                # labels_sha256 of the shard in manifest.json
    - { metric: unified, max: 0.2, when: { merge: absmax-literal } }     # only for runs of this experiment

Names are run folders, folders of runs, globs, or experiment files: an experiment file means the runs that it describes
as it stands now, and judges them by what it expects now. Of a run folder, the experiment file counts too if it is where
it was and still describes the run; else what the run kept when it started, and the report says so. --expect takes the
expectations of another file. It is a miss if a run did not finish, or if a run, a round, an owner or a merge rule is not
there.

By the mean of several seeds:
    - { metric: unified, min: 78 %, over: seeds }                        # the mean of at least two seeds
    - { metric: unified, min: 78 %, over: seeds, seeds: 5, tolerance-sd: 1 }   # mean + 1 sd reaches it
    - { metric: unified, min: 78 %, over: seeds, confidence: 95 % }      # Student's lower bound of the mean reaches it

Examples:
  fedunify check experiments/table4.yaml                 the runs of an experiment file
  fedunify check results/table4                          all runs of a batch
  fedunify check 'results/*/s0-*' --expect gate.yaml
  fedunify check results/table4 --output junit=check.xml --output json=check.json
                                                         a report on the terminal, and two files
  fedunify check results/table4 --reporter junit --output check.xml
  fedunify check gate.yaml --update                      write the reference CSVs that it names anew

In a GitHub workflow (GITHUB_ACTIONS), annotations and the summary of the step come by themselves.

Exit code: 0 all were met, 1 one was missed, 2 wrong option or no expectation, 3 a file that cannot be trusted.
`

interface CheckOptions {
  readonly expect?: string
  readonly reporter?: ReporterName[]
  readonly output?: string[]
  readonly update?: true
}

export function addCheckCommand(program: Command, io: Io): void {
  program
    .command('check')
    .summary('say whether finished runs meet their expectations; for CI')
    .description(
      'Compares finished runs with thresholds, with their pooled baseline or with a reference run: a gate for CI.',
    )
    .argument('<runs...>', 'run folders, folders of runs (a batch), globs of them, or experiment files')
    .option('--expect <file>', "expectations (YAML; - is standard input), instead of the runs' own")
    .addOption(reporterOption())
    .option('--output <file>', 'where a report goes: FILE, or REPORTER=FILE; - is stdout; may be repeated', repeated)
    .option('--update', 'write the reference CSVs of max-drop-from anew, from these runs')
    .addHelpText('after', HELP)
    .action((runs: string[], options: CheckOptions) => check(runs, options, io))
}

function reporterOption(): Option {
  const option = new Option('--reporter <name>', 'format of a report (default: terminal); may be repeated')
  const one = option.choices(REPORTER_NAMES).parseArg!
  return option.argParser((name, before: ReporterName[] | undefined) => [
    ...(before ?? []),
    one(name, undefined as never) as ReporterName,
  ])
}

async function check(named: readonly string[], options: CheckOptions, io: Io): Promise<void> {
  const onGithub = process.env.GITHUB_ACTIONS === 'true'
  const given = await Promise.all((options.output ?? []).map(nameOfStdout))
  const reports = destinations(options.reporter ?? [], given, onGithub)
  const updated = (lines: readonly string[]) => io.err(lines.map((line) => `${oneLine(line)}\n`).join(''))
  const runs = await checkRuns(named, options.expect, { signal: io.signal, ...(options.update && { updated }) })
  const failures = await write(runs, reports, io)
  if (onGithub) await summarise(runs, io)
  if (failures.length > 0) throw failures[0]
  const { missed, errors } = tally(runs)
  if (missed + errors === 0) return
  const code = errors > 0 ? 'E_CHECK_INCOMPLETE' : 'E_EXPECTATION_MISSED'
  const files = reports.filter(({ file }) => file !== STDOUT).map(({ file }) => file)
  // The sum is said once.
  if (!reports.some(isTold))
    throw new FedunifyError(code, tallyLine(runs), files.length > 0 ? `see ${files.join(', ')}` : undefined)
  const { path, outcome } = worst(runs)!
  const { status, subject, pointsShort } = outcome
  const what =
    status === 'error' ? 'cannot be checked' : pointsShort ? `missed by ${pointsText(pointsShort)}` : 'missed'
  const more = missed + errors - 1
  throw new FedunifyError(code, `${path}: ${subject}: ${what}${more > 0 ? ` (and ${more} more)` : ''}`)
}

/** `-` if a file is stdout by another name. */
async function nameOfStdout(output: string): Promise<string> {
  const { reporter, file } = splitOutput(output)
  if (!(await isStdout(file))) return output
  return reporter ? `${reporter}=${STDOUT}` : STDOUT
}

/** Whether the sum of a report is on stdout, for people. */
const isTold = ({ reporter, file }: Destination) => file === STDOUT && LINES.includes(reporter)

/** @returns errors of files that could not be written: the other reports are not to be lost */
async function write(runs: readonly RunOutcomes[], reports: readonly Destination[], io: Io): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const { reporter, file } of reports) {
    const toStdout = file === STDOUT
    const report = REPORTERS[reporter](runs, toStdout ? colorsOf(io) : NO_COLORS)
    if (toStdout && reporter === 'terminal') io.say(report)
    else if (toStdout) io.out(report, { commands: reporter === 'github' })
    else await putNamed('--output', file, report, io).catch((error: unknown) => failures.push(error))
  }
  const told = reports.filter(isTold)
  if (told.length === 1 && told[0]!.reporter === 'github') io.out(`${tallyLine(runs)}\n`)
  return failures
}

/** What GitHub shows on the page of the workflow's run. A verdict does not depend on it. */
async function summarise(runs: readonly RunOutcomes[], io: Io): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY
  if (!file) return
  await appendFile(file, githubSummary(runs)).catch((error: unknown) => {
    io.err(`note: no summary of this step: ${oneLine(messageOf(error))}\n`)
  })
}
