import { FedunifyError } from '../../errors.ts'
import { parameterCount } from '../../model/model.ts'
import { squaredDistance } from '../../weights/distance.ts'
import { unflatten } from '../../weights/named.ts'
import { firstNonFinite, type Weights } from '../../weights/weights.ts'
import type { Update } from '../cohort.ts'
import { SENT } from '../tensors.ts'
import { miscounted } from './check-evaluation.ts'
import { fromWire } from './evaluations.ts'
import { NOT_MERGED } from './owner-answers.ts'
import { clip, MOST_HEADER, misfit, readTensors } from './read-tensors.ts'
import type { ReplyOf, WireMetrics } from './wire.ts'

/** What an update must be to enter a merge. */
export interface UpdateBounds {
  /** The model's tensors. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly classes: number
  /** The model that the owner received; undefined if it began with weights of its own. */
  readonly base: Weights | undefined
  /** Most that the weights may have moved, as the length of the difference; undefined for any. */
  readonly maxNorm: number | undefined
  /** What it has said of its shard. */
  readonly trainImages: number
  /** Undefined if it has said that it shares no metrics. */
  readonly testImages: number | undefined
  /** Whether it was asked to evaluate its local model. */
  readonly evaluate: boolean
  /** Whether it shares how many images it has of each class. */
  readonly labels: boolean
  /** Epochs of a round, at most. */
  readonly epochs: number
  /** Whether the local objective sends anything with the weights. */
  readonly sends: boolean
}

/** Weights, and as much again for each thing that is sent with them; a header. */
export const mostOfUpdate = ({ parameters, sends }: Pick<UpdateBounds, 'parameters' | 'sends'>): number =>
  (sends ? 8 : 1) * 4 * parameterCount({ parameters }) + MOST_HEADER

/**
 * The update that an owner's reply and payload make, checked.
 * @param name of the owner, for errors
 * @throws FedunifyError (training) that says what does not fit
 */
export function readUpdate(reply: ReplyOf<'update'>, bytes: Uint8Array, name: string, bounds: UpdateBounds): Update {
  const { owner, round } = reply
  const refuse = (what: string, tensor?: string) =>
    new FedunifyError('E_UPDATE', `the update of owner ${name} in round ${round} ${what}`, NOT_MERGED, {
      owner,
      round,
      ...(tensor !== undefined && { tensor }),
    })
  if (reply.payload.dtype !== 'float32') throw refuse('is under masks, which this run does not have')
  const tensors = [...readTensors(bytes, refuse)]
  const weights: Weights = new Map(tensors.filter(([name]) => !name.includes('/')))
  const rest = tensors.filter(([name]) => name.includes('/'))
  const stray = rest.find(([name]) => !name.startsWith(SENT))
  if (stray) throw refuse(`has ${clip(stray[0])}, which is none of its parts`)
  if (!bounds.sends && rest.length > 0) throw refuse(`has ${clip(rest[0]![0])}, which this run does not need`)
  const sent = unflatten(new Map(rest.map(([name, tensor]) => [name.slice(SENT.length), tensor])))
  for (const [what, model] of [['', weights], ...Object.entries(sent)] as [string, Weights][]) {
    const fault = misfit(model, bounds.parameters)
    if (fault) throw refuse(`${what && `has ${clip(what)} that `}${fault.what}`, fault.tensor)
    const bad = firstNonFinite(model)
    if (bad) throw refuse(`holds ${bad.value} in ${bad.tensor}`, bad.tensor)
  }
  const moved = bounds.maxNorm === undefined || !bounds.base ? 0 : Math.sqrt(squaredDistance(weights, bounds.base))
  if (bounds.maxNorm !== undefined && moved > bounds.maxNorm) {
    throw refuse(`moved by ${moved.toPrecision(4)}, more than ${bounds.maxNorm} (--max-norm)`)
  }
  return { type: 'update', owner, weights, sent, ...readCounts(reply, bounds, refuse) }
}

/** What an update says beside its weights, checked. */
export function readCounts(reply: ReplyOf<'update'>, bounds: UpdateBounds, refuse: (what: string) => Error) {
  if (reply.train_images !== bounds.trainImages) {
    throw refuse(`is of ${reply.train_images} images, but the owner has said that it has ${bounds.trainImages}`)
  }
  const { epochs, images, seconds, metrics } = reply
  const trained = epochs * bounds.trainImages
  if (epochs > bounds.epochs || images !== trained) {
    throw refuse(`claims ${epochs} epochs and ${images} images, which is impossible`)
  }
  return { trainImages: bounds.trainImages, epochs, images, seconds, ...readMetrics(metrics, bounds, refuse) }
}

type Metrics = Pick<Update, 'loss' | 'local' | 'received'>

/** An owner sends its metrics, or none: as it has said before the run. */
function readMetrics(metrics: WireMetrics | null, bounds: UpdateBounds, refuse: (what: string) => Error): Metrics {
  const shared = bounds.testImages !== undefined
  if (!metrics) {
    if (shared) throw refuse('has no metrics, which this run needs')
    return { loss: undefined, local: undefined, received: undefined }
  }
  if (!shared) throw refuse('has metrics, of which its owner has said that it shares none')
  const { loss, local, received } = metrics
  if (!local && bounds.evaluate) throw refuse('has no evaluation of its local model, which this round needs')
  for (const evaluation of [local, received]) {
    const wrong = evaluation && miscounted(evaluation, bounds)
    if (wrong) throw refuse(wrong)
  }
  return {
    loss,
    local: bounds.evaluate && local ? fromWire(local) : undefined,
    received: received ? fromWire(received) : undefined,
  }
}
