import { type Command, Option } from 'commander'
import { checkRuns } from '../check/check-runs.ts'
import { tally, tallyLine } from '../check/outcome.ts'
import { FedunifyError } from '../errors.ts'
import { REPORTER_NAMES, REPORTERS, type ReporterName } from '../report/check/registry.ts'
import { NO_COLORS } from '../visible.ts'
import { colorsOf, type Io, isStdout, putNamed } from './io.ts'

const HELP = `
Expectations are part of an experiment file, or have a file of their own:
  expect:
    - { metric: unified, merge: avg, at: end, min: 0.7868 }      # at: a round, end or best; min and max are fractions
    - { metric: local, owner: 1, at: 1, min: 0.90 }              # without owner: every owner; without merge: every rule
    - { metric: unified, merge: avg, max-gap-to: pooled, points: 5 }
    - { metric: unified, merge: avg, max-drop-from: results/reference/first/H/unified.csv, points: 1.5 }
    - { metric: participants, each-round: 2 }
    - { metric: labels, owner: 1, sha256: 4b1c… }                # labels_sha256 of the shard in manifest.json
    - { metric: unified, max: 0.2, when: { merge: absmax-literal } }     # only for runs of this experiment

Every run keeps the expectations that its experiment had at its start. --expect replaces them by those of a file.
It is a miss if a run did not finish, or if a run, a round, an owner or a merge rule is not there.

Examples:
  fedunify check results/table4                          all runs of a batch
  fedunify check 'results/*/s0-*' --expect gate.yaml
  fedunify check results/table4 --reporter junit --output check.xml
  fedunify check results/table4 --reporter github        annotations in a GitHub workflow

Exit code: 0 all were met, 1 one was missed, 2 wrong option or no expectation, 3 a file that cannot be trusted.
`

interface CheckOptions {
  readonly expect?: string
  readonly reporter: ReporterName
  readonly output?: string
}

export function addCheckCommand(program: Command, io: Io): void {
  program
    .command('check')
    .summary('say whether finished runs meet their expectations; for CI')
    .description(
      'Compares finished runs with thresholds, with their pooled baseline or with a reference run: a gate for CI.',
    )
    .argument('<runs...>', 'run folders, folders of runs (a batch), or globs of them')
    .option('--expect <file>', "expectations (YAML; - is standard input), instead of the runs' own")
    .addOption(new Option('--reporter <name>', 'format of the report').choices(REPORTER_NAMES).default('terminal'))
    .option('--output <file>', 'file to write the report to; - is stdout')
    .addHelpText('after', HELP)
    .action((runs: string[], options: CheckOptions) => check(runs, options, io))
}

async function check(named: readonly string[], { expect, reporter, output }: CheckOptions, io: Io): Promise<void> {
  const runs = await checkRuns(named, expect, io.signal)
  const toStdout = output === undefined || (await isStdout(output))
  const report = REPORTERS[reporter](runs, toStdout ? colorsOf(io) : NO_COLORS)
  if (toStdout) io.out(report, { commands: reporter === 'github' })
  else await putNamed('--output', output, report, io)
  const { missed, errors } = tally(runs)
  if (missed + errors === 0) return
  const hint = toStdout ? undefined : `see ${output}`
  throw new FedunifyError(errors > 0 ? 'E_CHECK_INCOMPLETE' : 'E_EXPECTATION_MISSED', tallyLine(runs), hint)
}
