import { asksOf } from '../algorithm/merge/assert-rule.ts'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import type { Experiment } from '../config/schema.ts'
import { make, nameOf } from '../parts.ts'
import { ofModel, ofUpdate } from './mechanism.ts'

/** A kind of message between two parties of an experiment, and who learns what from it. */
export interface Message {
  /** As in disclosure.jsonl, for what owners send; names of their own for the rest. */
  readonly kind: string
  readonly from: string
  readonly to: string
  readonly what: string
  readonly when: string
  /** What it tells whoever can read it. */
  readonly tells: string
  readonly readers: string
  /** What protects it; empty if nothing does. */
  readonly mechanism: string
  /** The attacks of `fedunify audit` that bear on it. */
  readonly attacks: readonly string[]
}

/** Nothing is encrypted for the server alone: a broker that turns TLS off again at its end reads all that it carries. */
const CARRIERS = 'server, broker'
const ALL = 'owners, server, broker'
const FOLDER = 'whoever gets the run folder'

const UP = { from: 'owner', to: 'server', readers: CARRIERS, mechanism: '', attacks: [] }
const DOWN = { from: 'server', to: 'owner', readers: ALL, mechanism: '', attacks: [] }

/** What masks make of a message. */
const MASKED = {
  tells: 'by itself nothing: every word of it is as if drawn at random',
  readers: 'nobody; the server the sum of all',
}

const ON_WEIGHTS = ['label-inference', 'membership-inference', 'gradient-inversion', 'property-inference']
const EACH = 'each round'
const EVALUATED = 'each evaluated round'

/** All kinds of messages of an experiment, in the order in which they are first sent. */
export function messagesOf(experiment: Experiment): Message[] {
  const { privacy, objective, keep } = experiment
  const { server }: Objective = make(OBJECTIVES, objective)
  return [
    { kind: 'invitation', ...DOWN, what: 'the experiment', when: 'once', tells: 'its settings' },
    {
      kind: 'card',
      ...UP,
      what: 'what it has',
      when: 'once',
      tells: 'images, images of each class, hashes of its data, engine',
      attacks: ['property-inference'],
    },
    {
      kind: 'model',
      ...DOWN,
      what: 'the unified model',
      when: EACH,
      tells: 'what all owners made of their images together',
      mechanism: ofModel(privacy),
      attacks: ['membership-inference'],
    },
    ...(server
      ? [{ kind: 'instruction', ...DOWN, what: `for ${nameOf(objective)}`, when: EACH, tells: 'means over the owners' }]
      : []),
    ...masking(experiment),
    weights(experiment),
    {
      kind: 'update',
      ...UP,
      what: 'counts, loss, accuracies',
      when: EACH,
      tells: 'images, seconds, loss, a confusion matrix: its test images of each class',
      attacks: ['label-inference', 'property-inference'],
    },
    ...statistics(experiment),
    {
      kind: 'evaluation',
      ...UP,
      what: 'the unified model on its test images',
      when: EVALUATED,
      tells: 'accuracy, a confusion matrix: its test images of each class',
      attacks: ['label-inference'],
    },
    { kind: 'progress', ...UP, what: 'signs of life', when: 'while it trains', tells: 'how far it is, loss' },
    {
      kind: 'results',
      from: 'server',
      to: FOLDER,
      what: 'tables, report, unified model',
      when: EACH,
      tells: 'accuracies of every owner, images of each class of every owner, the model',
      readers: FOLDER,
      mechanism: ofModel(privacy),
      attacks: ['membership-inference'],
    },
    ...(keep === undefined
      ? []
      : [
          {
            ...weights(experiment),
            kind: 'kept',
            from: 'server',
            to: FOLDER,
            what: "each owner's weights",
            readers: FOLDER,
          },
        ]),
  ]
}

function weights({ privacy, objective }: Experiment): Message {
  const shared = { kind: 'weights', ...UP, when: EACH, mechanism: ofUpdate(privacy), attacks: ON_WEIGHTS }
  if (privacy?.masks) {
    return { ...shared, ...MASKED, kind: 'masked', what: 'its masked update' }
  }
  const { sends }: Objective = make(OBJECTIVES, objective)
  const what = sends ? 'its weights, and the change of its control variate' : 'its weights'
  return { ...shared, what, tells: 'which classes it has; traces of its images' }
}

/** What masks need before the update, and with a threshold after it too. */
function masking({ privacy }: Experiment): Message[] {
  if (!privacy?.masks) return []
  const key = { kind: 'key', ...UP, readers: ALL, what: 'a signed key for the round', when: EACH }
  const share = { kind: 'share', ...UP, what: 'shares of its secrets for the others, who survived', when: EACH }
  return [
    { ...key, tells: 'nothing of its images' },
    ...(privacy.masks.threshold === undefined
      ? []
      : [{ ...share, tells: 'nothing of its images; a majority can unmask the sum' }]),
  ]
}

function statistics({ head, merge, privacy }: Experiment): Message[] {
  const kind = 'statistics'
  const asked = [...new Set(merge.flatMap((rule) => asksOf(rule).map(({ statistic }) => statistic)))]
  const ofHead = privacy?.masks
    ? { ...MASKED, what: 'its masked sums for the fitted head', mechanism: 'masked sums' }
    : { what: 'sums for the fitted head', tells: 'images of each class, the mean features of each' }
  const ofRules = { kind, ...UP, what: asked.join(', '), when: EACH, tells: 'how its images excite the layers' }
  return [
    ...(asked.length > 0 ? [ofRules] : []),
    ...(head && nameOf(head) !== 'none' ? [{ kind, ...UP, ...ofHead, when: EVALUATED }] : []),
  ]
}
