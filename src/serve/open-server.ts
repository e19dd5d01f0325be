import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { chosenHead } from '../algorithm/head/registry.ts'
import { maskedRuleOf } from '../algorithm/make-algorithm.ts'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { configHash } from '../config/hash.ts'
import { headRange } from '../config/head-range.ts'
import { type Experiment, localEpochs } from '../config/schema.ts'
import { statisticsSizes } from '../federation/head-learner.ts'
import { bytesOfSums } from '../federation/head-words.ts'
import { connectParty } from '../federation/nats/connection.ts'
import { NatsCohort } from '../federation/nats/nats-cohort.ts'
import { mostOfStatistics } from '../federation/nats/read-statistics.ts'
import { mostOfUpdate } from '../federation/nats/read-update.ts'
import { ServerPost } from '../federation/nats/server-post.ts'
import type { ServerFolder } from '../federation/setup/folders.ts'
import { publicKey, signingKey } from '../federation/setup/keys.ts'
import { widened } from '../model/features.ts'
import type { Model } from '../model/model.ts'
import { modelOf } from '../model/presets.ts'
import { make } from '../parts.ts'
import { assertHead, assertRules, assertRulesFit } from '../run/assert-rules.ts'
import { describeFacts } from '../run/describe.ts'
import type { Runnable } from '../run/participants.ts'
import { labelsHash, OWNERS_DATA, type RunDescription, type ShardDescription } from '../runs/run-description.ts'
import { askGit } from '../system/git.ts'
import { assertServed } from './assert-served.ts'
import { type Card, inviteAll } from './invite.ts'

export interface ServeSettings {
  readonly folder: ServerFolder
  readonly experiment: Experiment
  /** The run folder. */
  readonly path: string
  /** Rounds that are done. */
  readonly committed: number
  readonly maxNorm: number | undefined
  /** How many owners must take part in a round; undefined: all. */
  readonly minOwners: number | undefined
  /** Seconds in which an owner must answer. */
  readonly deadline: number | undefined
  readonly signal: AbortSignal
  note(line: string): void
}

/** A run whose owners are elsewhere: connected, invited, and ready to begin. */
export interface Served {
  readonly run: Runnable
  /** Tells the owners how it ended and how many rounds are on the disk, and leaves. */
  close(reason: string, done: number): Promise<void>
}

/**
 * Connects to the broker, waits for the owners, and makes of what they say of themselves a run that can be executed.
 * @throws FedunifyError (usage) if a merge rule cannot be used, or the broker does not let the server in; (training) if another server is at work, or an
 *   owner refuses
 */
export async function openServer(settings: ServeSettings): Promise<Served> {
  const { folder, experiment, committed, maxNorm, deadline, minOwners, note } = settings
  assertServed(experiment, { minOwners, maxNorm, deadline, note })
  assertRules(experiment, minOwners)
  const fence = new AbortController()
  const signal = AbortSignal.any([settings.signal, fence.signal])
  const party = { ...folder, name: 'server', token: 'server' }
  const connection = await connectParty(party, note, signal)
  const run = wireName(settings)
  const owners = folder.owners.map(({ owner, name, publicKey: key }) => ({ owner, name, key: publicKey(key) }))
  const post = await ServerPost.open(connection, {
    federation: folder.federation,
    run,
    owners,
    key: signingKey(folder.seed),
    signal,
    note,
    fenced: (error) => fence.abort(error),
  }).catch(async (error: unknown) => {
    await connection.close()
    throw error
  })
  const close = async (reason: string, done: number) => {
    // One that was fenced off has no say any more: its word would be in the place of the other server's task.
    if (!fence.signal.aborted) {
      await Promise.all(owners.map(({ owner }) => post.tell(owner, { what: 'end', committed: done, reason })))
    }
    await leave(post, connection)
  }
  try {
    const cards = await inviteAll(post, experiment, committed, signal)
    const { model, description } = await describeCards(experiment, cards, minOwners)
    const objective: Objective = make(OBJECTIVES, experiment.objective)
    const sends = objective.sends === true
    const sums = sumsOf(experiment, model)
    const rule = maskedRuleOf(experiment)
    const threshold = experiment.privacy?.masks?.threshold
    const update = mostOfUpdate({ parameters: model.parameters, sends })
    const range = headRange(experiment)
    const most = range === undefined ? mostOfStatistics : bytesOfSums
    await post.expectUpdates(Math.max(update, sums ? most(sums) : 0))
    const cohort = new NatsCohort(post, connection, {
      run,
      parameters: model.parameters,
      classes: model.classes,
      maxNorm,
      deadline,
      minOwners: minOwners ?? threshold ?? owners.length,
      epochs: localEpochs(experiment),
      sends,
      real: experiment.pace !== undefined,
      masks: rule && {
        rule,
        threshold,
        identities: new Map(owners.map(({ owner, key }) => [owner, key])),
        headRange: range,
      },
      sums,
      cards: cards.map((card) => ({
        owner: card.owner,
        trainImages: card.train_images,
        testImages: card.test_images ?? undefined,
        labels: card.test_labels !== null,
        trainLabels: card.train_labels ?? undefined,
      })),
    })
    const open = async () => ({ owners: cohort, baseline: undefined, close: async () => {} })
    return { run: { experiment, model, description, open }, close }
  } catch (error) {
    await close('the server has stopped before the first round', committed)
    throw error
  }
}

async function leave(post: ServerPost, connection: NatsConnection): Promise<void> {
  await post.close()
  await connection.close()
}

/** By which the owners know the run: the same when it is resumed, and another one for another folder or experiment. */
const wireName = ({ folder, experiment, path }: ServeSettings): string =>
  createHash('sha256')
    .update(JSON.stringify([folder.federation, basename(path), configHash(experiment)]))
    .digest('hex')
    .slice(0, 16)

/** The sizes of the sums that a head is fitted to; undefined if none is. */
function sumsOf({ head: chosen }: Experiment, model: Model) {
  const head = chosenHead(chosen)
  return head && statisticsSizes(widened(model, head.random))
}

async function describeCards(experiment: Experiment, cards: readonly Card[], minOwners: number | undefined) {
  const [{ dataset, engine }] = cards as [Card, ...Card[]]
  const classes = dataset.class_names.length
  const model = modelOf(experiment.model, dataset.shape, classes)
  assertHead(model, experiment)
  assertRulesFit(experiment, model)
  const description = describeFacts({
    experiment,
    model,
    git: (await askGit()).git,
    dataset: {
      name: dataset.name,
      source: OWNERS_DATA,
      images: cards.reduce((sum, { train_images, test_images }) => sum + train_images + (test_images ?? 0), 0),
      shape: dataset.shape,
      elements: dataset.elements,
      class_names: dataset.class_names,
      sha256: digests(cards),
    },
    shards: cards.map(describeShard),
    engine,
    ...(minOwners !== undefined && { min_owners: minOwners }),
    ...(experiment.pace && { arrivals: 'real' }),
  })
  return { model, description }
}

/** Of the dataset, if it is the same for all owners; else of each owner's. */
function digests(cards: readonly Card[]): RunDescription['dataset']['sha256'] {
  const [first, ...others] = cards.map(({ dataset }) => JSON.stringify(dataset.sha256))
  if (others.every((one) => one === first)) return cards[0]!.dataset.sha256
  const named = cards.flatMap(({ owner, dataset }) =>
    Object.entries(dataset.sha256).map(([file, digest]) => [`owner-${owner}/${file}`, digest]),
  )
  return Object.fromEntries(named)
}

function describeShard(card: Card): ShardDescription {
  const { owner, train_images, test_images, train_labels, test_labels, shard_sha256 } = card
  // An owner that keeps its label counts to itself has none.
  const [train, test] = [train_labels ?? [], test_labels ?? []]
  return {
    owner,
    train: train_images,
    test: test_images,
    train_labels: train,
    test_labels: test,
    labels_sha256: labelsHash(train, test),
    sha256: shard_sha256,
  }
}
