import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { Queue } from '../../src/batch/remote/queue.ts'
import { freePort } from '../../src/demo/local-broker.ts'
import { type Running, start } from './binary.ts'
import { type Broker, startBroker } from './broker.ts'
import { temporaryFolder } from './folder.ts'
import { manifestOf, runFolders } from './run-folder.ts'

export interface QueueBroker extends Omit<Broker, 'url'> {
  readonly url: string
  /** The queue, as a program of ours sees it. */
  open(): Promise<Queue>
  /** Starts a worker; what it writes into its folder for runs under way is removed with the test. */
  worker(...args: string[]): Running
  batch(...args: string[]): Running
}

/** A broker for one test, with a store and perhaps more in its configuration. */
export async function queueBroker(more = ''): Promise<QueueBroker> {
  const dir = temporaryFolder()
  mkdirSync(join(dir, 'runs'))
  writeFileSync(join(dir, 'nats.conf'), `jetstream { store_dir: "store" }\n${more}\n`)
  const port = await freePort()
  const broker = await startBroker(dir, { port })
  onTestFinished(() => broker.kill())
  const url = `nats://127.0.0.1:${port}`
  const env = { TMPDIR: join(dir, 'runs') }
  const begin = (args: readonly string[]) => {
    const running = start(args, { env, patience: 120_000 })
    onTestFinished(() => {
      running.child.kill('SIGKILL')
    })
    return running
  }
  return Object.assign(Object.create(broker) as Broker, {
    url,
    async open() {
      const connection = await connect({ servers: url, maxReconnectAttempts: -1 })
      onTestFinished(() => connection.close())
      return await Queue.open(connection, AbortSignal.timeout(60_000), () => {})
    },
    worker: (...args: string[]) => begin(['worker', '--on', url, ...args]),
    batch: (...args: string[]) => begin(['batch', '--on', url, ...args]),
  })
}

const SAME = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']

/** What must be the same of a folder of runs, wherever they were done; kept weights too, if there are any. */
export function bytesOf(folder: string): Record<string, string> {
  const kept = (run: string) => Object.keys(manifestOf(run).files).filter((file) => file.startsWith('owners/'))
  const files = runFolders(folder).flatMap((run) => [...SAME, ...kept(run)].map((file) => join(basename(run), file)))
  const all = [...files, 'summary.csv']
  return Object.fromEntries(all.map((file) => [file, readFileSync(join(folder, file)).toString('base64')]))
}
