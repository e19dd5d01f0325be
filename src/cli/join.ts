import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { DEVICES, type Device } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { ownerToken } from '../federation/nats/wire.ts'
import { readOwnerFolder } from '../federation/setup/folders.ts'
import { publicKey, signingKey } from '../federation/setup/keys.ts'
import { readOwnerKeys } from '../federation/setup/owner-keys.ts'
import { LEDGER_NAME, openLedger } from '../owner/ledger.ts'
import { OPEN_POLICY } from '../owner/policy/policy.ts'
import { findPolicy, POLICY_NAME } from '../owner/policy/read-policy.ts'
import { describeRequest } from '../report/terminal/request-text.ts'
import { FolderLock } from '../runs/write/lock.ts'
import { UNFLUSHED, unflushedNow } from '../system/flush.ts'
import { oneLine } from '../visible.ts'
import type { Io } from './io.ts'

const EXAMPLES = `
Examples:
  fedunify join --federation alice --data /data/alice     images of one's own: four IDX files
  fedunify join --federation alice --shard --once         a trial: this owner's shard of Fashion-MNIST, for one run
`

interface JoinOptions {
  readonly federation: string
  readonly data?: string
  readonly shard?: true
  readonly device: Device | 'auto'
  readonly once?: true
  readonly acceptNewData?: true
  readonly dryRun?: true
}

export function addJoinCommand(program: Command, io: Io): void {
  program
    .command('join')
    .summary('take part in a federation as an owner')
    .description(
      'Trains on local images for the experiments of a federation. It waits for the next one until it is stopped. ' +
        'Images never leave this machine; weights and counts do.',
    )
    .requiredOption('--federation <dir>', "this owner's folder, as it was handed over")
    .option('--data <dir>', 'folder with the four IDX files of this owner')
    .option('--shard', "for trials: take this owner's shard of the experiment's partition")
    .addOption(new Option('--device <name>', 'where to compute').choices(['auto', ...DEVICES]).default('auto'))
    .option('--once', 'stop after one run')
    .option('--accept-new-data', 'take part although the images are not those of the run before')
    .option('--dry-run', 'show what the next experiment asks and what would be sent, and send nothing')
    .addHelpText('after', EXAMPLES)
    .action((options: JoinOptions) => joinFederation(options, io))
}

async function joinFederation(options: JoinOptions, io: Io): Promise<void> {
  const { federation: dir, data, shard, device, once, acceptNewData, dryRun } = options
  if (data === undefined && !shard) {
    throw new FedunifyError(
      'E_OPTION',
      'no images are named',
      "name this owner's own with --data DIR, or take part in a trial with --shard",
    )
  }
  const folder = await readOwnerFolder(dir)
  const note = (line: string) => io.err(`${new Date().toISOString().slice(0, 19)}Z ${folder.name}: ${oneLine(line)}\n`)
  for (const warning of folder.warnings) note(`note: ${warning}`)
  const found = await findPolicy(dir, io.signal)
  if (!found) note(`note: ${dir} has no ${POLICY_NAME}: whatever an experiment asks is allowed`)
  const policy = found ?? OPEN_POLICY
  // For this alone: with these come the packages of NATS, which no help needs.
  const { connectParty } = await import('../federation/nats/connection.ts')
  const { Agent } = await import('../owner/agent.ts')
  const party = { ...folder, token: ownerToken(folder.owner) }
  const { signal } = io
  // Two would take turns at the same tasks, and each would forget what the other keeps.
  const lock = await FolderLock.take(dir, { signal, note, what: "owner's folder" })
  const open: { close(): Promise<void> }[] = []
  try {
    const ledger = await openLedger(join(dir, LEDGER_NAME))
    open.push(ledger)
    if (unflushedNow()) note(`note: ${dir}: ${UNFLUSHED}`)
    const connection = await connectParty(party, note, signal)
    open.push(connection)
    const agent = await Agent.open(connection, party, {
      owner: folder.owner,
      dir,
      key: signingKey(folder.seed),
      ownerKeys: () => readOwnerKeys(dir, folder),
      serverKey: publicKey(folder.serverKey),
      data: { data, shard: shard ?? false, device, accept: acceptNewData ?? false },
      once: once ?? false,
      signal,
      note,
      policy,
      ledger,
      asked: (request) => io.say(`${describeRequest(request, policy.share)}\n`),
      wouldSend: (reply, bytes) => io.out(`would be sent, ${bytes} bytes: ${JSON.stringify(reply, null, 2)}\n`),
      dryRun: dryRun ?? false,
    })
    note(`joined ${folder.url} as owner ${folder.owner}, waiting for an experiment`)
    await agent.work()
  } catch (error) {
    if (!signal.aborted) throw error
    const hint = `what it keeps of a run is in ${dir}: the same command goes on`
    throw new FedunifyError('E_INTERRUPTED', `owner ${folder.name} has stopped`, hint, { cause: error })
  } finally {
    for (const one of open.reverse()) await one.close()
    await lock.release()
  }
}
