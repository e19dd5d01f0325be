import { ownRuleOf } from '../../algorithm/merge/own-rule.ts'
import type { Objective } from '../../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../../algorithm/objective/registry.ts'
import { type Experiment, localEpochs } from '../../config/schema.ts'
import { plainWords } from '../../disclosure/plain-words.ts'
import { thousands } from '../../format.ts'
import { OPEN_POLICY } from '../../owner/policy/policy.ts'
import { type OwnerRequest, trainingsOf } from '../../owner/policy/refusals.ts'
import type { Share } from '../../owner/policy/share.ts'
import { type AnyChoice, choiceText, make } from '../../parts.ts'
import { oneLine } from '../../visible.ts'

const METRICS = 'accuracies and losses'
const TEST_IMAGES = 'the number of images to test on'
const LABELS = 'how many images there are of each class'

type Row = readonly [what: string, detail: string]

/**
 * What an experiment asks of an owner, as a table.
 * @param share what the owner's policy lets it send beside its weights
 */
export function describeRequest(request: OwnerRequest, share: Share = OPEN_POLICY.share): string {
  const { experiment, asks } = request
  const { batch, server, objective, sam, lr, 'weight-decay': decay, 'lr-schedule': schedule } = experiment
  const optimizer = [`${choiceText(experiment.optimizer)} lr ${lr}`, `lr-schedule ${choiceText(schedule)}`]
  const needs = [...(asks.metrics ? [METRICS] : []), ...(asks.labels ? [LABELS] : [])]
  const rows: Row[] = [
    ['experiment', experiment.name],
    ['model', modelText(request)],
    ['rounds', roundsText(experiment)],
    ['epochs', epochsText(experiment)],
    ['batch', `${thousands(batch)} ${batch === 1 ? 'image' : 'images'}`],
    ['optimizer', [...optimizer, ...(decay === 0 ? [] : [`weight-decay ${decay}`])].join(', ')],
    [
      'objective',
      [choiceText(objective), ...(sam === undefined ? [] : [`sam ${sam}, twice the computing`])].join(', '),
    ],
    ['merge', `${experiment.merge.map(ruleText).join(', ')}, at the server`],
    ['server step', `${choiceText(server)}, at the server`],
    ['comes in', `each round: ${models(request, share)}`],
    ['goes out', `each round: ${weightsText(request)}`],
    ...maskRows(experiment),
    ['', `each round: ${countsText(request, share)}`],
    ...headRows(request),
    ['', `once: ${cardText(share)}`],
    ...(needs.length > 0 ? [['needed', needs.join(', ')] as const] : []),
    [
      'stays here',
      ['images', ...(share.metrics ? [] : [METRICS, TEST_IMAGES]), ...(share.labels ? [] : [LABELS])].join(', '),
    ],
    ...plainWords(experiment).map((word, i): Row => [i === 0 ? 'mind' : '', word]),
  ]
  const wide = Math.max(...rows.map(([what]) => what.length))
  return rows.map(([what, detail]) => `${what.padEnd(wide)}  ${oneLine(detail)}`).join('\n')
}

function modelText({ experiment: { model, init }, layers, parameters }: OwnerRequest): string {
  const types = [...new Set(layers.map(({ type }) => type))].join(', ')
  const name = typeof model === 'string' ? `${model}, ` : ''
  return `${name}${thousands(parameters)} parameters in ${layers.length} layers (${types}), ${init} initial weights`
}

function roundsText(experiment: Experiment): string {
  const { rounds, pace, 'stop-at': stopAt } = experiment
  const until =
    stopAt === undefined
      ? thousands(rounds)
      : `at most ${thousands(rounds)}, until every owner has an accuracy of ${stopAt}`
  if (!pace) return until
  const most = `this owner trains at most ${thousands(trainingsOf(experiment))} times`
  return `${until}, which wait for no owner (pace ${choiceText(pace)}): ${most}`
}

function epochsText(experiment: Experiment): string {
  const { rounds, 'until-local-accuracy': until } = experiment
  const epochs = localEpochs(experiment)
  const each = `${until === undefined ? '' : 'at most '}${thousands(epochs)} a round`
  const all = `at most ${thousands(epochs * rounds)} in all`
  return [each, all, ...(until === undefined ? [] : [`until the local accuracy is ${until}`])].join(', ')
}

/** A rule of the experiment's own says from which file it comes. */
function ruleText(choice: AnyChoice): string {
  const own = ownRuleOf(choice)
  return own ? `${choiceText(choice)} (${own.file})` : choiceText(choice)
}

/** Weights are float32. */
const weightBytes = ({ parameters }: OwnerRequest) => `${thousands(4 * parameters)} bytes`

/** What every rule makes is evaluated at every owner that shares metrics; the first is what it trains from. */
function models(request: OwnerRequest, { metrics }: Share): string {
  const length = metrics ? request.experiment.merge.length : 1
  return length === 1 ? `a model of ${weightBytes(request)}` : `${length} models of ${weightBytes(request)} each`
}

function weightsText(request: OwnerRequest): string {
  const { objective, privacy } = request.experiment
  if (privacy?.masks) return `the change of the weights under masks, ${weightBytes(request)} that tell nothing alone`
  const made: Objective = make(OBJECTIVES, objective)
  const more = made.sends ? `, and what objective ${choiceText(objective)} sends with them` : ''
  return `the weights, ${weightBytes(request)}${more}`
}

/** What goes around an update under masks. */
function maskRows({ privacy }: OwnerRequest['experiment']): Row[] {
  if (!privacy?.masks) return []
  const shares = 'shares of its secrets for each other owner, which the server cannot read, and who survived'
  return [
    ['', 'each round: a signed key, for the other owners'],
    ...(privacy.masks.threshold === undefined ? [] : [['', `each round: ${shares}`] as const]),
  ]
}

/** The sums are a disclosure of their own: which head, and what they tell. */
function headRows({ experiment: { head, privacy, 'evaluate-every': every = 1 }, sums }: OwnerRequest): Row[] {
  if (!head || sums === undefined) return []
  const when = every === 1 ? 'each round' : `each ${every} rounds, and in the last`
  const told = `${LABELS}, and the mean of their features`
  const name = `sums for head ${choiceText(head)}`
  const size = `${thousands(sums)} bytes`
  if (!privacy?.masks) return [['', `${when}: ${name}, ${size}, which tell ${told}`]]
  return [['', `${when}: one more key, and ${name} under masks, ${size} that tell nothing alone`]]
}

/** What an owner says of its images before the first round. */
function cardText({ metrics, labels }: Share): string {
  const numbers = metrics ? 'the numbers of images to train on and to test on' : 'the number of images to train on'
  if (!labels) return numbers
  return `${numbers}, and ${metrics ? LABELS : `${LABELS} to train on`}`
}

/** Bytes of a number that is not one of a confusion matrix, and of one that is. */
const NUMBER = 8
const COUNT = 4

function countsText({ experiment, layers }: OwnerRequest, { metrics, labels }: Share): string {
  if (!metrics) return 'epochs, images and seconds of training, and nothing that tells how good a model is'
  // The last layer has a unit for each class.
  const classes = layers.at(-1)?.units
  const matrix = labels ? (classes ?? 0) ** 2 : 0
  const evaluations = experiment.merge.length + 1
  const size = labels && classes === undefined ? '' : ` of ${thousands(3 * NUMBER + matrix * COUNT)} bytes each`
  const confusion = labels ? ' and a confusion matrix' : ''
  return `${evaluations} evaluations${size} (images, right ones, loss${confusion}), and the loss of training`
}
