import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from '../../src/demo/local-broker.ts'
import { BINARY, type Running, runBinary, start } from './binary.ts'
import { type Broker, startBroker } from './broker.ts'
import { temporaryFolder } from './folder.ts'
import type { Cables } from './namespaces.ts'

/** A federation on this machine: a real broker, and each party as a process of its own. */
export interface TestFederation {
  readonly dir: string
  readonly broker: Broker
  /** Starts an owner; it ends with the test. */
  join(name: string, ...more: string[]): Running
  /** Starts an owner with options of its own. */
  joinWith(name: string, ...options: string[]): Running
  /** Starts the server; it ends with the test. */
  serve(...args: string[]): Running
}

/**
 * Sets up a federation, and starts its broker.
 * @param data folder of the whole dataset, of which each owner takes its shard
 * @param cables to `broker`, `server` and each owner, if each is to be on a machine of its own
 */
export async function startFederation(
  owners: readonly string[],
  data: string,
  cables?: Cables,
): Promise<TestFederation> {
  const dir = join(temporaryFolder(), 'federation')
  const port = await freePort()
  const host = cables ? ['--host', cables.address('broker')] : []
  const made = await runBinary(['federation', 'init', dir, '--owners', owners.join(), '--port', String(port), ...host])
  if (made.code !== 0) throw new Error(made.err)
  const broker = await startBroker(join(dir, 'broker'), {
    port,
    at: cables && { command: cables.at('broker'), address: cables.address('broker') },
  })
  onTestFinished(() => broker.kill())
  const started = (name: string, args: readonly string[]) => {
    const command = cables && ([...cables.at(name), process.execPath, BINARY] as const)
    const running = start(args, { patience: 900_000, ...(command && { command }) })
    onTestFinished(async () => {
      running.child.kill('SIGKILL')
      await running.ended
    })
    return running
  }
  const joinWith: TestFederation['joinWith'] = (name, ...options) =>
    started(name, ['join', '--federation', join(dir, 'owners', name), '--device', 'cpu', ...options])
  return {
    dir,
    broker,
    join: (name, ...more) => joinWith(name, '--shard', '--data', data, ...more),
    joinWith,
    serve: (...args) => started('server', ['serve', '--federation', join(dir, 'server'), ...args]),
  }
}
