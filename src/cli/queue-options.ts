import type { Command } from 'commander'
import type { Address } from '../batch/remote/connect.ts'
import type { Queue } from '../batch/remote/queue.ts'

/** Options of the commands that use a queue of runs. */
export function addQueueOptions(command: Command, on: string, { needed }: { readonly needed: boolean }): Command {
  const flags = '--on <url>'
  return (needed ? command.requiredOption(flags, on) : command.option(flags, on))
    .option('--ca <file>', 'certificate of the authority that signed the certificate of a tls:// broker')
    .option('--creds <file>', 'credentials for the broker, as nsc makes them')
    .option('--nkey <file>', 'file with the seed of the key by which the broker knows this side')
}

/** The queue on a broker; its packages are loaded only here. */
export async function openQueue(
  address: Address,
  settings: { name: string; note: (line: string) => void; signal: AbortSignal },
): Promise<Queue> {
  const { connectQueue } = await import('../batch/remote/connect.ts')
  const { Queue } = await import('../batch/remote/queue.ts')
  const connection = await connectQueue(address, settings)
  try {
    return await Queue.open(connection, settings.signal, settings.note)
  } catch (error) {
    await connection.close()
    throw error
  }
}
