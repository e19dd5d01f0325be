import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { labelHistogram, shardHash } from '../data/partition/partition.ts'
import type { TaskOf } from '../federation/nats/wire.ts'
import { parameterCount } from '../model/model.ts'
import { readIfThere, writeWhole } from '../system/files.ts'
import type { AgentSettings } from './agent-settings.ts'
import { OwnerStore } from './owner-store.ts'
import { refusals, requestOf } from './policy/refusals.ts'
import { type PreparedOwner, prepareOwner } from './prepare-owner.ts'

export interface Answered {
  readonly reply: object
  /** Undefined if it refuses. */
  readonly prepared: PreparedOwner | undefined
  readonly store: OwnerStore
}

/** What this owner says to an experiment: what it brings along, or why it does not take part. */
export async function answerInvitation(task: TaskOf<'invite'>, settings: AgentSettings): Promise<Answered> {
  const { owner, data, dir, dryRun, note, policy, asked, signal } = settings
  const store = new OwnerStore(join(dir, 'runs', task.run))
  const refuse = (reasons: readonly string[]): Answered => {
    note(`refuses run ${task.run}: ${reasons.join('; ')}`)
    return { reply: { what: 'refused', reasons }, prepared: undefined, store }
  }
  const prepared = await prepareOwner(task.experiment, owner, data, signal)
  const request = requestOf(prepared.experiment, prepared.model, task.asks)
  asked(request)
  const reasons = [...refusals(policy, request), ...(await otherData(prepared, settings))]
  if (reasons.length > 0) return refuse(reasons)
  if (!dryRun) await store.putInvite(task)
  const { dataset, engine, model, shard } = prepared
  note(`run ${task.run}: ${parameterCount(model)} parameters, ${shard.train.length} images to train on`)
  const { name, shape, elements, classNames, sha256 } = dataset
  // Nobody needs them; an owner that shares them makes the report say more.
  const labels = (indices: Uint32Array) => (policy.share.labels ? labelHistogram(dataset, indices) : null)
  const { metrics } = policy.share
  const reply = {
    what: 'card',
    metrics,
    train_images: shard.train.length,
    test_images: metrics ? shard.test.length : null,
    train_labels: labels(shard.train),
    // They add up to the number of images to test on.
    test_labels: metrics ? labels(shard.test) : null,
    dataset: { name, shape, elements, class_names: classNames, sha256 },
    shard_sha256: shardHash(shard),
    engine: { name: engine.name, device: engine.device, version: engine.version },
  }
  return { reply, prepared, store }
}

/** The file in the owner's folder by which it knows its own images again. */
const DATA_FILE = 'data.json'

/** Images of one's own that are not those of the time before are meant by nobody, unless it is said. */
async function otherData({ dataset }: PreparedOwner, { data, dir, dryRun }: AgentSettings): Promise<string[]> {
  if (data.shard) return []
  const file = join(dir, DATA_FILE)
  const digest = createHash('sha256').update(JSON.stringify(dataset.sha256)).digest('hex')
  const before = await readIfThere(file)
  const known = before && (JSON.parse(before.toString('utf8')) as { sha256: string }).sha256
  if (known !== undefined && known !== digest && !data.accept) {
    return ['the images in the data folder are not those of the last run (fedunify join --accept-new-data takes them)']
  }
  if (known !== digest && !dryRun) await writeWhole(file, `${JSON.stringify({ sha256: digest })}\n`)
  return []
}
