import { JetStreamApiError, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { FedunifyError } from '../../errors.ts'

export type Config = Partial<StreamConfig> & { name: string }

/** The broker's code for a change that a stream cannot take, such as that of where it is stored. */
const FIXED = 10052

/**
 * Makes a stream, or gives one that is there, perhaps of an earlier version, the limits that are wanted now.
 * @param keep limits that a stream that is there keeps
 * @throws FedunifyError (usage) if the broker has no room for it, or it is of another kind
 */
export async function ensureStream(
  jsm: JetStreamManager,
  wanted: Config,
  keep: readonly (keyof StreamConfig)[] = [],
): Promise<void> {
  const there = await jsm.streams.info(wanted.name).catch(() => room(jsm.streams.add(wanted)))
  const config = { ...wanted, ...Object.fromEntries(keep.map((key) => [key, there.config[key]])) }
  if (Object.entries(config).every(([key, value]) => same(there.config[key as keyof StreamConfig], value))) return
  try {
    await room(jsm.streams.update(config.name, config))
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== FIXED) throw error
    const message = `stream ${config.name} at the broker is of another kind: ${error.message}`
    const hint = 'stop the broker, delete the folder store beside its nats.conf, and start it: nothing is lost'
    throw new FedunifyError('E_BROKER', message, hint, { cause: error })
  }
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** What waiting does not mend. */
async function room<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || !/insufficient/.test(error.message)) throw error
    const hint = 'give it more disk, or raise max_file_store in its nats.conf'
    throw new FedunifyError('E_BROKER', `the broker has no room for updates: ${error.message}`, hint, { cause: error })
  }
}
