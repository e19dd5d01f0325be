import { fieldsOf, sizeOf } from '../federation/disclosure.ts'
import type { RoundFinished } from '../federation/events.ts'
import type { Content } from '../federation/nats/wire.ts'
import { VERSION } from '../package.ts'
import { type RunDescription, runOf, type ShardDescription } from './run-description.ts'

/** Raised when a reader of disclosure.jsonl would have to change. */
export const DISCLOSURE_FORMAT = 1

const lineOf = (line: object): string => `${JSON.stringify(line)}\n`

/** The first lines of disclosure.jsonl: what each owner says of itself before the first round. */
export function disclosureHead(description: RunDescription): string {
  const lines = description.shards.map((shard, i) => {
    const card = cardOf(description, shard)
    return lineOf({
      ...(i === 0 && { format: DISCLOSURE_FORMAT, fedunify: VERSION }),
      run: runOf(description),
      round: 0,
      owner: shard.owner,
      kind: 'card',
      messages: 1,
      fields: fieldsOf(card),
      bytes: sizeOf(card),
    })
  })
  return lines.join('')
}

/** A line for each owner and kind of message of a round. */
export function disclosureLines(description: RunDescription, { round, disclosed }: RoundFinished): string {
  const run = runOf(description)
  return disclosed
    .map(({ owner, kind, messages, fields, bytes }) => lineOf({ run, round, owner, kind, messages, fields, bytes }))
    .join('')
}

/** An owner's card, as the manifest keeps it. */
function cardOf({ dataset, engine }: RunDescription, shard: ShardDescription): Content<'card'> {
  const { train, test, train_labels, test_labels, sha256 } = shard
  const { name, shape, elements, class_names } = dataset
  // An owner that keeps its label counts to itself has none.
  const labels = (counts: readonly number[]) => (counts.length > 0 ? [...counts] : null)
  return {
    metrics: test !== null,
    train_images: train,
    test_images: test,
    train_labels: labels(train_labels),
    test_labels: labels(test_labels),
    dataset: { name, shape: [...shape], elements, class_names: [...class_names], sha256: { ...dataset.sha256 } },
    shard_sha256: sha256,
    engine: { name: engine.name, device: engine.device, version: engine.version },
  }
}
