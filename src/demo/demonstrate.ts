import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadExperiment } from '../config/load.ts'
import type { Experiment } from '../config/schema.ts'
import { locateFashionMnist } from '../data/fashion-mnist/locate.ts'
import { FedunifyError } from '../errors.ts'
import { orAborted } from '../federation/nats/persist.ts'
import { initFederation } from '../federation/setup/init.ts'
import { assertEmpty } from '../federation/setup/put.ts'
import { LEDGER_NAME } from '../owner/ledger.ts'
import { type LedgerTotal, readLedger } from '../owner/ledger-lines.ts'
import { ROOT } from '../package.ts'
import { nameOf } from '../parts.ts'
import { type BrokerProgram, findBroker, freePort, startBroker } from './local-broker.ts'
import { type Party, Stage } from './stage.ts'

/** Who says something: the demonstration itself, or one of its processes. */
export type Speaker = 'demo' | 'broker' | 'server' | (string & {})

export const OWNERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'] as const

export interface Demonstration {
  readonly file: string | undefined
  readonly set: readonly string[]
  readonly owners: number
  /** Where the federation stays; else it is in a temporary folder. */
  readonly dir: string | undefined
  /** Folder of the whole dataset. */
  readonly data: string | undefined
  readonly runId: string
  readonly signal: AbortSignal
  say(who: Speaker, line: string): void
}

export interface Demonstrated {
  /** The run folder. */
  readonly path: string
  /** What each owner's own ledger says that came to it and left it. */
  readonly books: readonly { readonly name: string; readonly totals: readonly LedgerTotal[] }[]
}

/** Seconds on two cores, and enough to see the unified model know what neither owner has. */
const EXPERIMENT = ['name=demo', 'model=cnn-small', 'images=21000', 'rounds=8', 'lr-schedule=cosine']

/**
 * A whole federation on this machine: a broker, a server and owners, each a process of its own. All of them are gone
 * when this resolves or rejects.
 * @throws FedunifyError if something is missing, or one of the processes ends before its time
 */
export async function demonstrate(settings: Demonstration): Promise<Demonstrated> {
  const { dir, say } = settings
  const program = await findBroker()
  if (dir !== undefined) await assertEmpty(dir, 'name a new folder')
  const { experiment, given } = await chosen(settings)
  const data = await dataFolder(experiment, settings)
  const temporary = dir === undefined ? await mkdtemp(join(tmpdir(), 'fedunify-demo-')) : undefined
  const stage = new Stage(temporary)
  try {
    const path = join(experiment.out, experiment.name, settings.runId)
    const owners = OWNERS.slice(0, settings.owners)
    const place = dir ?? join(temporary!, 'federation')
    await play(stage, settings, { dir: place, program, owners, given, data, experiment })
    return { path, books: await Promise.all(owners.map(async (name) => ({ name, totals: await bookOf(place, name) }))) }
  } finally {
    say('demo', 'stopping what was started')
    await stage.close()
  }
}

/** The experiment, checked before anything is started, and the arguments that make the server run it. */
async function chosen({ file, set, owners, data, signal }: Demonstration) {
  if (file === '-') {
    throw new FedunifyError('E_OPTION', 'the demonstration reads no experiment from standard input', 'name a file')
  }
  const env = owners === 2 ? ['env=H'] : ['env=dirichlet', 'alpha=0.5']
  const pairs = [...(file === undefined ? [...EXPERIMENT, ...env] : []), ...(data ? [`data=${data}`] : []), ...set]
  const experiment = await loadExperiment({ file, set: [...pairs, `owners=${owners}`], signal })
  return { experiment, given: [...(file === undefined ? [] : [file]), ...pairs.flatMap((pair) => ['--set', pair])] }
}

/** The whole dataset, of which each owner takes its shard: fetched once, before several look for it. */
async function dataFolder({ dataset, data }: Experiment, { signal, say }: Demonstration): Promise<string> {
  if (nameOf(dataset) !== 'fashion-mnist') return data!
  let told = false
  const progress = () => {
    if (!told) say('demo', 'fetching Fashion-MNIST (30 MB)')
    told = true
  }
  return (await locateFashionMnist({ dir: data, signal, progress })).dir
}

const bookOf = async (dir: string, name: string) =>
  (await readLedger(join(dir, 'owners', name, LEDGER_NAME)))?.totals ?? []

interface Scene {
  readonly dir: string
  readonly program: BrokerProgram
  readonly owners: readonly string[]
  readonly given: readonly string[]
  readonly data: string
  readonly experiment: Experiment
}

async function play(stage: Stage, { runId, signal, say }: Demonstration, scene: Scene): Promise<void> {
  const { dir, program, owners, given, data, experiment } = scene
  const port = await freePort()
  await initFederation(dir, { owners, hosts: ['localhost'], port, days: 30 })
  say('demo', `federation in ${dir}: a broker, a server and ${owners.length} owners, each a process of its own`)
  const broker = await startBroker(stage, program, { dir, port, signal, say: (line) => say('broker', line) })
  const start = (who: string, name: string, ...args: string[]) =>
    stage.start({
      name,
      program: process.execPath,
      args: [join(ROOT, 'dist', 'bin.js'), ...args],
      line: (text) => say(who, text.replace(OWN_PREFIX, '')),
    })
  const joined = owners.map((name) => {
    const folder = ['--federation', join(dir, 'owners', name)]
    const own = ['--shard', '--data', data, '--device', experiment.device, '--once']
    return start(name, `owner ${name}`, 'join', ...folder, ...own)
  })
  const server = start(
    'server',
    'the server',
    'serve',
    '--federation',
    join(dir, 'server'),
    '--run-id',
    runId,
    ...given,
  )
  const done = finished(server)
  // An owner ends without an error once the server has told it that the run is over; the broker never does.
  const failed = [broker, ...joined].map(async (party) => {
    const { code, how } = await party.ended
    if (party !== broker && code === 0) return await done
    throw ended(party, how)
  })
  await orAborted(Promise.race([done, ...failed]), signal)
}

/** What `fedunify join` puts before its lines: the time, and who it is. */
const OWN_PREFIX = /^\S+Z [\w-]+: /

async function finished(server: Party): Promise<void> {
  const { code, how } = await server.ended
  if (code !== 0) throw ended(server, how)
}

const ended = ({ name }: Party, how: string) =>
  new FedunifyError('E_DEMO', `${name} ${how} before the run was done`, 'what it said last is above')
