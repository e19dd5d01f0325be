import { join } from 'node:path'
import type { Command } from 'commander'
import { FedunifyError } from '../errors.ts'
import { oneLine } from '../visible.ts'
import type { Io } from './io.ts'

export function addFederationCommand(program: Command, io: Io): void {
  const federation = program
    .command('federation')
    .summary('set up owners on machines of their own: keys, certificates, the broker')
    .description(
      'Sets up a federation: owners on machines of their own, a server, and between them a NATS broker (nats-server, ' +
        '2.9 or later).',
    )
  addInit(federation, io)
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
    .action(async (dir: string, flags: InitFlags) => io.out(await init(dir, flags)))
}

async function init(dir: string, flags: InitFlags): Promise<string> {
  if (dir === '') throw new FedunifyError('E_OPTION', 'the folder has no name', 'name a new folder')
  const { hostNames, ownerNames, wholeNumber } = await import('../federation/setup/names.ts')
  const port = (option: string, text: string) => wholeNumber(option, text, 1, 65_535)
  const options = {
    owners: ownerNames(flags.owners),
    hosts: hostNames(flags.host),
    port: port('--port', flags.port),
    days: wholeNumber('--days', flags.days, 1, 36_500),
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
