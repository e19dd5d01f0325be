import { availableParallelism, hostname } from 'node:os'
import type { Command } from 'commander'
import type { Address } from '../batch/remote/connect.ts'
import { PlainProgress } from '../report/terminal/progress.ts'
import type { Sink } from '../run/sinks.ts'
import { NO_COLORS, oneLine } from '../visible.ts'
import type { Io } from './io.ts'
import { positive } from './positive.ts'
import { addQueueOptions, openQueue } from './queue-options.ts'

const EXAMPLES = `
Examples:
  fedunify worker --on nats://host:4222
  fedunify worker --on nats://host:4222 --jobs 2 --data /data/fashion-mnist
  fedunify worker --on tls://host:4222 --ca ca.pem --creds worker.creds --once

The broker is a NATS server with JetStream, for example: nats-server -js -sd /var/lib/nats. Give access to
it only to people you trust: a merge rule of one's own is a program, and every worker that takes such a run starts it.
If a worker dies, another one goes on after the last round that it uploaded. A worker keeps its runs under TMPDIR.
`

interface WorkerOptions extends Address {
  readonly once?: boolean
  readonly jobs: number
  readonly data?: string
  readonly workers?: number
}

export function addWorkerCommand(program: Command, io: Io): void {
  const command = program
    .command('worker')
    .summary('do runs of the batches of other machines')
    .description(
      'Takes runs of batches from a queue, one after another, and hands their folders back: fedunify batch --on.',
    )
  addQueueOptions(command, 'the broker, nats://[user:password@]host:port or tls://…', { needed: true })
    .option('--once', 'stop after one run, or after --jobs of them')
    .option('--jobs <n>', 'runs at the same time', positive, 1)
    .option('--data <dir>', 'folder with the dataset on this machine (default: what the experiment says)')
    .option(
      '--workers <n>',
      'owners of a run that train at the same time (default: the cores, shared by the jobs)',
      positive,
    )
    .addHelpText('after', EXAMPLES)
    .action((options: WorkerOptions) => work(options, io))
}

async function work({ once = false, jobs, data, workers, ...address }: WorkerOptions, io: Io): Promise<void> {
  const { signal } = io
  const name = `${hostname()}-${process.pid}`
  const note = (line: string) => io.err(`${new Date().toISOString().slice(0, 19)}Z ${name}: ${oneLine(line)}\n`)
  const queue = await openQueue(address, { name, note, signal })
  const { Worker } = await import('../batch/remote/worker.ts')
  const { shownAddress } = await import('../batch/remote/connect.ts')
  const machine = { data, workers: workers ?? Math.max(1, Math.floor(availableParallelism() / jobs)) }
  try {
    note(`waits for runs at ${shownAddress(address.on)}`)
    const progress = (tell: (line: string) => void): Sink => {
      const view = new PlainProgress(tell, NO_COLORS)
      return { name: 'progress', event: (event) => view.event(event) }
    }
    const one = () => new Worker(queue, { name, machine, once, signal, note, progress }).work()
    const all = await Promise.allSettled(Array.from({ length: jobs }, one))
    for (const ended of all) if (ended.status === 'rejected') throw ended.reason
  } finally {
    await queue.close()
  }
}
