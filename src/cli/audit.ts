import { type Command, Option } from 'commander'
import { ADVERSARIES, type Adversary } from '../audit/attack.ts'
import { type Audited, auditRun } from '../audit/audit-run.ts'
import { ALL_ATTACKS, type ChosenAttack, chosenAttacks } from '../audit/chosen-attacks.ts'
import { AUDITED, plainAudited } from '../audit/plain.ts'
import { AUDIT_ATTACKS } from '../audit/registry.ts'
import { together } from '../audit/together.ts'
import { RESULTS } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import type { KeptRound } from '../remerge/merged.ts'
import { chosenRounds, openKept } from '../remerge/open-kept.ts'
import { AUDIT_FORMATS, type Audit } from '../report/terminal/audit.ts'
import { fetchProgress } from '../report/terminal/progress.ts'
import { prepareRun } from '../run/prepare.ts'
import { LATEST } from '../runs/latest.ts'
import { type LoadedRun, loadRun } from '../runs/read/load-run.ts'
import { pickRuns } from '../runs/read/pick-run.ts'
import { readModel } from '../runs/read/read-model.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { experimentOfRun } from './experiment-of-run.ts'
import { namesOf } from './experiment-options.ts'
import { addFormatOptions } from './format-option.ts'
import { type Io, progressView } from './io.ts'
import { positive } from './positive.ts'
import { addSaveOption, openSaving, type SaveFlags } from './save-analysis.ts'

const help = () => `
Makes attacks on what an adversary of a run has seen: the updates of owners, if the run has kept them (--keep owners), and
the unified model. Each figure stands beside that of somebody who guesses. An attack that the run does not allow is listed
with the reason. Of several runs there is also a table with a column for each: with and without masks and noise, say.

What it finds is kept in the run folder, in audit.json, beside what it found there before, and drawn in report.html, also a
few images of the dataset beside what was made of them (gradient-inversion:show=0 keeps none); --no-save leaves the folder
as it is. The run's own files do not change. fedunify check can require that an attack stays under a bound.

${namesOf('attack', AUDIT_ATTACKS)}
Examples:
  fedunify audit results/kept/one
  fedunify audit results/kept/one --attack label-inference,gradient-inversion:batch=4 --as server
  fedunify audit results/kept/one --attack membership-inference:shadows=4:images=500 --json
`

type AuditFormat = keyof typeof AUDIT_FORMATS

interface AuditOptions extends FetchFlags, SaveFlags {
  readonly attack: string
  readonly as?: Adversary
  readonly round?: number
  readonly data?: string
  readonly format: AuditFormat
  readonly quiet?: true
}

export function addAuditCommand(program: Command, io: Io): void {
  const command = program
    .command('audit')
    .summary('what attacks make of what others see of an owner')
    .description('Attacks what the server, another owner or a user of the unified model has seen of a run.')
    .argument('[run...]', `run folders, folders of batches, ids of runs, or ${LATEST} (default: ${LATEST})`)
    .option('--attack <attacks>', 'attacks, with their options', ALL_ATTACKS)
    .addOption(new Option('--as <who>', 'only what this party could do').choices(ADVERSARIES))
    .option('--round <n>', 'round whose updates are attacked (default: the last that was kept)', positive)
    .option('--data <dir>', "folder with the dataset (default: the run's)")
    .option('--quiet', 'no progress')
  addSaveOption(command)
  addFetchOptions(command)
  addFormatOptions(command, Object.keys(AUDIT_FORMATS) as AuditFormat[])
    .addHelpText('after', help)
    .action((named: readonly string[], options: AuditOptions) => audit(named, options, io))
}

async function audit(named: readonly string[], options: AuditOptions, io: Io): Promise<void> {
  const attacks = chosenAttacks(options.attack)
  const audits: Audit[] = []
  for (const opened of await openAll(named, options, io)) audits.push(await auditOne(opened, attacks, options, io))
  assertAny(audits, options.attack)
  io.out(AUDIT_FORMATS[options.format](audits, io.width))
}

/** All runs are looked into before the first is attacked, so that the name of none undoes what was found of another. */
async function openAll(named: readonly string[], options: AuditOptions, io: Io): Promise<Opened[]> {
  const dirs: string[] = []
  for (const name of named.length > 0 ? named : [LATEST]) dirs.push(...(await pickRuns(name, RESULTS)))
  const opened: Opened[] = []
  for (const dir of new Set(dirs)) opened.push(await open(dir, options, io))
  return opened
}

/** A run, and where its audit is kept. */
type Opened = Awaited<ReturnType<typeof open>>

async function open(dir: string, options: AuditOptions, io: Io) {
  const run = await loadRun(dir)
  if (run.rounds === 0) throw new FedunifyError('E_RUN_NOT_FOUND', `${dir}: no round was finished`, 'let it run first')
  const model = await readModel(dir, 'a published run may leave its model out: do the run again')
  const readKept = await keptRound(run, options.round)
  const saving = await openSaving(run, 'audit.json', options, io)
  return { run, model, readKept, saving, own: await experimentOfRun(dir, options.data, io.signal) }
}

/** @throws FedunifyError (data) if nothing of what was asked for by name could be done */
function assertAny(audits: readonly Audit[], asked: string): void {
  if (asked === ALL_ATTACKS || audits.some(({ rows }) => rows.length > 0)) return
  const [{ path, notMade }] = audits as [Audit]
  const { name, reason, hint } = notMade[0]!
  throw new FedunifyError('E_RUN_NOT_FOUND', `${path}: ${name} cannot be made: ${reason}`, hint)
}

async function auditOne(
  { run, model, readKept, saving, own }: Opened,
  attacks: readonly ChosenAttack[],
  options: AuditOptions,
  io: Io,
): Promise<Audit> {
  const kept = await readKept?.()
  const { signal } = io
  const view = progressView(io, options.quiet === true)
  try {
    const access = { ...accessOf(options), signal, progress: fetchProgress(view) }
    const prepared = await prepareRun({ ...own, baseline: 'none', head: undefined }, access)
    const found: Audited = await auditRun(run, prepared, {
      ...{ attacks, by: options.as, model, kept, signal },
      progress: (name, done, all) => view.transfer(`${done} of ${all} attacks, ${name}`, done / all, 'done'),
    })
    view.stop()
    if (saving) {
      const known = await saving.known(AUDITED)
      await saving.save(plainAudited(known ? together(known, found) : found))
    }
    return { path: run.path, ...found }
  } finally {
    view.stop()
  }
}

/** What reads the weights of the round asked for, which may be many; undefined if none was kept, and none was asked for. */
async function keptRound(run: LoadedRun, asked: number | undefined): Promise<(() => Promise<KeptRound>) | undefined> {
  if (run.manifest.config.keep === undefined && asked === undefined) return undefined
  const kept = await openKept(run)
  const [round] = chosenRounds(asked ?? 'last', kept)
  return () => kept.read(round!)
}
