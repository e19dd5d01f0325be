import { join } from 'node:path'
import type { Command } from 'commander'
import type { BrokerProcess } from '../federation/setup/broker-process.ts'
import { oneLine } from '../visible.ts'
import type { Io } from './io.ts'

/** A broker knows of a change once it reads its files again. */
const RELOAD_HELP = `
The broker knows of it once it reads its files again, twice: it connects a new owner with the others at the second time.
If it runs on another machine, copy the files there first. Then, with its process id:
  kill -HUP PID; sleep 1; kill -HUP PID
--pid does that for a broker on this machine. Nobody who stays is cut off.
`

const ADD_HELP = `${RELOAD_HELP}
Examples:
  fedunify federation add carol --federation fed
  fedunify federation add dave --federation fed --pid fed/broker/nats-server.pid
`

const REMOVE_HELP = `${RELOAD_HELP}
Example:
  fedunify federation remove carol --federation fed
`

const RENEW_HELP = `${RELOAD_HELP}
Example:
  fedunify federation renew --federation fed
`

const KEYS_HELP = `
Owners know each other by owners.json in their folders, which masked sums need: no server can put in a key of its own.
It holds no secret. Put it into the folder of each owner, by a way that the server does not control.

Example:
  fedunify federation keys --federation fed
`

interface Flags {
  readonly federation: string
  readonly pid?: string
}

/** A command that changes the files of the broker. */
function changing(federation: Command, name: string, summary: string, help: string): Command {
  return federation
    .command(name)
    .summary(summary)
    .requiredOption('--federation <dir>', 'folder that fedunify federation init made')
    .option('--pid <file-or-number>', 'process id of the broker on this machine, or the file that holds it')
    .addHelpText('after', help)
}

export function addChangeCommands(federation: Command, io: Io): void {
  changing(federation, 'add', 'add an owner', ADD_HELP)
    .description('Adds an owner: a new key, the next number, a folder to hand over, an account at the broker.')
    .argument('<name>', 'name of the owner')
    .action(async (name: string, flags: Flags) => io.say(await add(name, flags)))
  changing(federation, 'remove', 'take an owner out', REMOVE_HELP)
    .description('Takes an owner out: the broker refuses it. Its number is given to nobody else.')
    .argument('<name>', 'name of the owner')
    .action(async (name: string, flags: Flags) => io.say(await remove(name, flags)))
  changing(federation, 'renew', "renew the broker's certificate", RENEW_HELP)
    .description("Renews the broker's certificate. The parties need nothing new: the authority stays the same.")
    .option('--days <days>', 'how long it is valid (default: as at init)')
    .action(async (flags: Flags & { days?: string }) => io.say(await renew(flags)))
  federation
    .command('keys')
    .summary("write the owners' public keys for masked sums")
    .description('Writes the public keys of all owners into the folder of each, for a federation that has none yet.')
    .requiredOption('--federation <dir>', 'folder that fedunify federation init made')
    .addHelpText('after', KEYS_HELP)
    .action(async (flags: Flags) => io.say(await keys(flags)))
}

async function keys({ federation: dir }: Flags): Promise<string> {
  const { writeOwnersFiles } = await import('../federation/setup/change.ts')
  const owners = await writeOwnersFiles(dir)
  const hand = owners.map(
    ({ owner, name }) => `  ${oneLine(join(dir, 'owners', name, 'owners.json'))}: for owner ${owner}\n`,
  )
  return `the public keys of ${owners.length} owners, written anew\n${hand.join('')}`
}

async function add(name: string, { federation: dir, pid }: Flags): Promise<string> {
  const { addOwner } = await import('../federation/setup/change.ts')
  const broker = await brokerOf(pid)
  const { owner } = await addOwner(dir, name)
  return `${name} is owner ${owner}: hand over ${oneLine(join(dir, 'owners', name))}\n${parties(dir)}${await reload(broker)}`
}

async function remove(name: string, { federation: dir, pid }: Flags): Promise<string> {
  const { removeOwner } = await import('../federation/setup/change.ts')
  const broker = await brokerOf(pid)
  const { owner, kept } = await removeOwner(dir, name)
  const folder = oneLine(join(dir, 'owners', name))
  const left = kept ? `${folder}: kept what is not of fedunify\n` : ''
  return `${name}, owner ${owner.owner}, is out\n${left}${parties(dir)}${await reload(broker)}`
}

async function renew({ federation: dir, pid, days }: Flags & { days?: string }): Promise<string> {
  const { validDays } = await import('../federation/setup/names.ts')
  const wanted = days === undefined ? undefined : validDays(days)
  const { renewCertificate } = await import('../federation/setup/renew.ts')
  const { expiries } = await import('../federation/setup/expiry.ts')
  const broker = await brokerOf(pid)
  const expires = await renewCertificate(dir, wanted)
  const { authority } = await expiries(dir)
  return (
    `${oneLine(join(dir, 'broker'))}: a new certificate, valid until ${date(expires)}\n` +
    `its authority is valid until ${date(authority ?? expires)}\n${await reload(broker)}`
  )
}

/** Looked up before anything is changed: a wrong process id changes nothing. */
async function brokerOf(pid: string | undefined): Promise<BrokerProcess | undefined> {
  if (pid === undefined) return undefined
  const { brokerProcess } = await import('../federation/setup/broker-process.ts')
  return await brokerProcess(pid)
}

function parties(dir: string): string {
  const [accounts, server] = [join(dir, 'broker', 'accounts.conf'), join(dir, 'server', 'federation.json')]
  const keys = 'owners.json in the folder of each owner: written anew, for masked sums\n'
  return `${oneLine(accounts)}, ${oneLine(server)}: written anew\n${keys}`
}

async function reload(broker: BrokerProcess | undefined): Promise<string> {
  if (!broker) return 'the broker must read its files again: kill -HUP PID; sleep 1; kill -HUP PID\n'
  await broker.reload()
  return `process ${broker.pid} was told to read its files again\n`
}

const date = (at: Date) => at.toISOString().slice(0, 10)
