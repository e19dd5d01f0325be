import type { Command } from 'commander'
import { FedunifyError } from '../errors.ts'
import type { Io } from './io.ts'

const HELP = `
Each line says ok, absent (a run does without it), warning (a run works, or might) or problem (a run would fail).
What helps is on the line below.

Examples:
  fedunify federation check --federation alice --data /data/alice
  fedunify federation check --federation alice --shard

Exit codes: 0 this owner could take part, 2 the set-up is wrong, 3 the data is.
`

/** Of the JSON: raised when a reader would have to change. */
const FORMAT = 1

interface CheckOptions {
  readonly federation: string
  readonly data?: string
  readonly shard?: true
  readonly json?: true
}

export function addCheckCommand(federation: Command, io: Io): void {
  federation
    .command('check')
    .summary('for an owner: say whether this machine could take part')
    .description(
      "Looks at an owner's folder, policy, images and engine, and at all on the way to its tasks: the address, the " +
        'broker, its certificate, the clock and the account. It changes nothing.',
    )
    .option('--federation <dir>', "this owner's folder, as it was handed over", '.')
    .option('--data <dir>', 'folder with the four IDX files of this owner')
    .option('--shard', "for trials: it would take a shard of the experiment's dataset")
    .option('--json', 'write one JSON object')
    .addHelpText('after', HELP)
    .action((options: CheckOptions) => check(options, io))
}

async function check({ federation: dir, data, shard, json }: CheckOptions, io: Io): Promise<void> {
  if (dir === '') throw new FedunifyError('E_OPTION', '--federation is empty', "name this owner's folder")
  const { checkOwner } = await import('../owner/check/check-owner.ts')
  const { tellFindings } = await import('./findings.ts')
  const findings = await checkOwner({ dir, data, shard: shard ?? false, signal: io.signal })
  io.signal.throwIfAborted()
  const words = { good: 'this owner could take part', bad: 'this owner could not take part' }
  tellFindings(findings, { json: json ?? false, format: FORMAT, ...words }, io)
}
