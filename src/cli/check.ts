import { type Command, Option } from 'commander'
import { checkRuns } from '../check/check-runs.ts'
import { tally, tallyLine } from '../check/outcome.ts'
import { FedunifyError } from '../errors.ts'
import { REPORTER_NAMES, REPORTERS, type ReporterName } from '../report/check/registry.ts'
import { NO_COLORS } from '../visible.ts'
import { colorsOf, type Io, isStdout, putNamed } from './io.ts'

const HELP = `
What is expected stands in the experiment file, so that every run carries it, or in a file of its own:
  expect:
    - { metric: unified, merge: avg, at: end, min: 0.7868 }      # at: a round, end or best; min and max are fractions
    - { metric: local, owner: 1, at: 1, min: 0.90 }              # without owner: every owner; without merge: every rule
    - { metric: unified, merge: avg, max-gap-to: pooled, points: 5 }
    - { metric: unified, merge: avg, max-drop-from: results/reference/first/H/unified.csv, points: 1.5 }
    - { metric: participants, each-round: 2 }
    - { metric: labels, owner: 1, sha256: 4b1c… }                # labels_sha256 of the shard in manifest.json
    - { metric: unified, max: 0.2, when: { merge: absmax-literal } }     # only for runs of this experiment

A run carries what its experiment expected when it started; --expect experiment.yaml takes what that says now.
A run, round, owner or merge that is not there is a miss, as is a run that did not finish.

Examples:
  fedunify check results/table4                          all runs of a batch
  fedunify check 'results/*/s0-*' --expect gate.yaml
  fedunify check results/table4 --reporter junit --output check.xml
  fedunify check results/table4 --reporter github        annotations in a workflow of GitHub

Exit code: 0 all met, 1 something missed, 2 wrong option or nothing expected, 3 a file that cannot be trusted.
`

interface CheckOptions {
  readonly expect?: string
  readonly reporter: ReporterName
  readonly output?: string
}

export function addCheckCommand(program: Command, io: Io): void {
  program
    .command('check')
    .summary('hold finished runs against what is expected of them')
    .description(
      'Compares finished runs with thresholds, with their pooled baseline or with a reference: a gate for CI.',
    )
    .argument('<runs...>', 'run folders, folders of runs (a batch), or globs of them')
    .option('--expect <file>', "expectations (YAML; - is standard input), instead of the runs' own")
    .addOption(new Option('--reporter <name>', 'how to tell').choices(REPORTER_NAMES).default('terminal'))
    .option('--output <file>', 'write the report there instead of to stdout, which is -')
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
