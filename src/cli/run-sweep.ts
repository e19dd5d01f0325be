import { planSweep } from '../batch/plan.ts'
import { FedunifyError } from '../errors.ts'
import { accessOf, type FetchFlags } from './data-options.ts'
import type { Io } from './io.ts'
import { runMany, showPlan } from './run-many.ts'

interface SweepOptions extends FetchFlags {
  readonly set: readonly string[]
  readonly flags: Readonly<Record<string, string>>
  readonly report?: boolean | undefined
  readonly quiet?: true
  readonly dryRun?: true
  /** Of one run alone. */
  readonly resume?: string
  readonly runId?: string
  readonly replay?: string
  readonly json?: true
  readonly sink?: readonly string[]
}

/** Several values of a key, or seeds: a batch of the experiment. */
export async function runSweep(file: string | undefined, options: SweepOptions, io: Io): Promise<void> {
  const { set, flags, report, quiet = false } = options
  const single = (['resume', 'replay', 'runId', 'json', 'sink'] as const).find((name) => options[name] !== undefined)
  if (single !== undefined) {
    const flag = single === 'runId' ? 'run-id' : single
    throw new FedunifyError(
      'E_SEVERAL_RUNS',
      `--${flag} is for one run, but this asks for several`,
      'give each key one value, and no --seeds',
    )
  }
  const runs = await planSweep(file, set, { flags, signal: io.signal })
  const access = accessOf(options)
  if (options.dryRun) return await showPlan(runs, { jobs: 1, access }, io)
  await runMany(runs, { jobs: 1, quiet, report, access }, io)
}
