import { OWN_KEYS } from '../config/hash.ts'
import { omit } from '../config/mapping.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { expect } from '../federation/nats/owner-answers.ts'
import type { KnownOwner, ServerPost } from '../federation/nats/server-post.ts'
import type { ReplyOf } from '../federation/nats/wire.ts'
import { usesLabels } from '../run/assert-rules.ts'
import { assertCard, assertLabels, assertMetrics } from './check-card.ts'

export type Card = ReplyOf<'card'>

/**
 * Invites all owners, and waits until each has said what it brings along.
 * @throws FedunifyError (training) if one refuses, or if they do not fit together
 */
export async function inviteAll(
  post: ServerPost,
  experiment: Experiment,
  committed: number,
  signal: AbortSignal,
): Promise<Card[]> {
  const { owners, note } = post.settings
  const sent = omit({ ...experiment }, (key) => OWN_KEYS.includes(key))
  // Without metrics a run can do, unless it ends by them; without counts of labels, unless it merges by them.
  const asks = { metrics: experiment['stop-at'] !== undefined, labels: usesLabels(experiment) }
  const ask = { what: 'invite', experiment: sent, asks, committed } as const
  const waiting = new Set(owners.map(({ name }) => name))
  const told = setInterval(() => note(`waiting for ${[...waiting].join(', ')}`), 10_000)
  try {
    const cards = await Promise.all(
      owners.map(async (owner) => {
        const card = expect(await post.ask(owner.owner, ask, signal), 'card', owner)
        assertCard(card, owner)
        assertMetrics(card, experiment, owner)
        assertLabels(card, asks.labels, owner)
        waiting.delete(owner.name)
        const kept = card.metrics ? '' : ', no metrics shared'
        note(`${owner.name} has joined: ${card.train_images} images to train on${kept}, ${card.engine.version}`)
        return card
      }),
    )
    assertAlike(cards, owners)
    return cards
  } finally {
    clearInterval(told)
  }
}

/** All owners train the same model, on examples of the same shape and the same classes. */
function assertAlike(cards: readonly Card[], owners: readonly KnownOwner[]): void {
  const [first, ...others] = cards as [Card, ...Card[]]
  const facts = ({ dataset: { shape, elements, class_names } }: Card) =>
    JSON.stringify({ shape, elements, class_names })
  const at = others.findIndex((card) => facts(card) !== facts(first))
  if (at < 0) return
  const clip = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}…` : text)
  const [one, other] = [owners[0]!, owners[at + 1]!]
  throw new FedunifyError(
    'E_OWNER_REFUSED',
    `owner ${other.name} has other data than owner ${one.name}: ${clip(facts(others[at]!))}, not ${clip(facts(first))}`,
    'all owners need examples of the same shape, with the same classes',
    { owner: other.owner },
  )
}
