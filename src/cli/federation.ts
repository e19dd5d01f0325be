import { join } from 'node:path'
import type { Command } from 'commander'
import { FedunifyError } from '../errors.ts'
import { columns } from '../report/terminal/columns.ts'
import { oneLine } from '../visible.ts'
import { addChangeCommands } from './federation-changes.ts'
import { addCheckCommand } from './federation-check.ts'
import { addDemoCommand } from './federation-demo.ts'
import { addStatusCommand } from './federation-status.ts'
import type { Io } from './io.ts'

export function addFederationCommand(program: Command, io: Io): void {
  const federation = program
    .command('federation')
    .summary('set up owners on machines of their own: keys, certificates, the broker')
    .description(
      'Sets up a federation: owners on machines of their own, a server, and between them a NATS broker (nats-server, ' +
        '2.9 or later).',
    )
  addDemoCommand(federation, io)
  addInit(federation, io)
  addChangeCommands(federation, io)
  addShow(federation, io)
  addCheckCommand(federation, io)
  addStatusCommand(federation, io)
}

const INIT_HELP = `
DIR then has four folders:
  ca              the certificate authority: it stays with you
  broker          for the machine that runs the broker: there, nats-server -c nats.conf
  server          for fedunify serve
  owners/NAME     to be handed to that owner, for fedunify join

Examples:
  fedunify federation init fed --owners alice,bob
  fedunify federation init hospitals --owners north,south --host broker.example.org,192.0.2.7
`

interface InitFlags {
  readonly owners: string
  readonly host: string
  readonly port: string
  readonly days: string
  readonly monitor?: string
}

function addInit(federation: Command, io: Io): void {
  federation
    .command('init')
    .summary('make the folders of a new federation')
    .description('Makes the keys, certificates and folders of a new federation, one folder for each party.')
    .argument('<dir>', 'folder to make')
    .requiredOption('--owners <names>', 'names of the owners, with commas: owner 1, owner 2 and so on')
    .option('--host <names>', 'names and addresses of the broker, with commas; owners use the first', 'localhost')
    .option('--port <port>', 'port of the broker', '4222')
    .option('--days <days>', "how long the broker's certificate is valid", '825')
    .option('--monitor <port>', 'port for the monitoring page of the broker, on its own machine alone')
    .addHelpText('after', INIT_HELP)
    .action(async (dir: string, flags: InitFlags) => io.say(await init(dir, flags)))
}

async function init(dir: string, flags: InitFlags): Promise<string> {
  if (dir === '') throw new FedunifyError('E_OPTION', 'the folder has no name', 'name a new folder')
  const { hostNames, ownerNames, validDays, wholeNumber } = await import('../federation/setup/names.ts')
  const port = (option: string, text: string) => wholeNumber(option, text, 1, 65_535)
  const options = {
    owners: ownerNames(flags.owners),
    hosts: hostNames(flags.host),
    port: port('--port', flags.port),
    days: validDays(flags.days),
    monitor: flags.monitor === undefined ? undefined : port('--monitor', flags.monitor),
  }
  if (options.monitor === options.port) {
    throw new FedunifyError('E_CONFLICT', `--monitor ${options.port} is the port of the broker`, 'name another port')
  }
  const { initFederation } = await import('../federation/setup/init.ts')
  const { owners } = await initFederation(dir, options)
  const at = (...names: string[]) => oneLine(join(dir, ...names))
  const hand = owners.map(({ owner, name }) => `  ${at('owners', name)}: for owner ${owner}, ${name}\n`)
  return (
    `${oneLine(dir)}: a federation of ${owners.length}, new keys for each party\n` +
    `  ${at('ca')}: stays with you\n` +
    `  ${at('broker')}: for the machine of the broker; there: nats-server -c nats.conf\n` +
    `  ${at('server')}: for fedunify serve\n${hand.join('')}`
  )
}

const SHOW_HELP = `
Examples:
  fedunify federation show --federation fed
  fedunify federation show --federation fed --json
`

/** Raised when a reader would have to change. */
const FORMAT = 1

function addShow(federation: Command, io: Io): void {
  federation
    .command('show')
    .summary('show the parties of a federation, their keys, and when certificates expire')
    .description('Shows the parties of a federation, their public keys, its address, and when its certificates expire.')
    .requiredOption('--federation <dir>', 'folder that fedunify federation init made')
    .option('--json', 'write one JSON object')
    .addHelpText('after', SHOW_HELP)
    .action(async ({ federation: dir, json }: { federation: string; json?: true }) => io.out(await show(dir, json)))
}

async function show(dir: string, json = false): Promise<string> {
  const { readFederation } = await import('../federation/setup/administrator.ts')
  const { daysUntil, expiries } = await import('../federation/setup/expiry.ts')
  const { urlOf } = await import('../federation/setup/federation.ts')
  const { id, hosts, port, serverKey, owners } = await readFederation(dir)
  const ends = await expiries(dir)
  if (json) {
    const certificate = (at: Date | undefined) => at && { expires: at.toISOString(), days: daysUntil(at) }
    const value = {
      format: FORMAT,
      federation: id,
      url: urlOf({ hosts, port }),
      hosts,
      port,
      server: { public_key: serverKey },
      owners: owners.map(({ owner, name, publicKey }) => ({ owner, name, public_key: publicKey })),
      certificates: { authority: certificate(ends.authority) ?? null, broker: certificate(ends.broker) ?? null },
    }
    return `${JSON.stringify(value, null, 2)}\n`
  }
  const rows = [['server', '', serverKey], ...owners.map((o) => [o.name, String(o.owner), o.publicKey])]
  const until = (what: string, at: Date | undefined) =>
    `${what}: ${at ? `valid until ${at.toISOString().slice(0, 10)} (${inDays(daysUntil(at))})` : 'not in this folder'}\n`
  return (
    `federation ${id} at ${urlOf({ hosts, port })}\n\n${columns(['party', 'owner', 'public key'], rows)}\n\n` +
    until("the broker's certificate", ends.broker) +
    until('its authority', ends.authority)
  )
}

const inDays = (days: number) => (days < 0 ? 'EXPIRED' : days === 1 ? '1 day left' : `${days} days left`)
