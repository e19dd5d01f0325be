import { HEADS } from '../algorithm/head/registry.ts'
import { accuracy, addEvaluations, type Evaluation, meanLoss } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { fitHead } from '../federation/fit-head.ts'
import { widened } from '../model/features.ts'
import { make } from '../parts.ts'
import type { KeptRound } from '../remerge/merged.ts'
import { assertSameData } from '../remerge/open-evaluator.ts'
import { inThisProcess, type Participants } from '../run/participants.ts'
import type { PreparedRun } from '../run/prepare.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { pointAt } from '../runs/read/series.ts'
import { POOLED_SERIES } from '../runs/series-name.ts'
import { squaredDistance } from '../weights/distance.ts'
import type { Weights } from '../weights/weights.ts'
import { advice, type Losses } from './advice.ts'
import { type Confused, confused } from './confused.ts'
import { between, limitedTo } from './limited.ts'
import { type Opposition, opposition } from './opposition.ts'

/** A point on the line between two owners' models. */
export interface LinePoint {
  /** 0: the first owner's model; 1: the second's. */
  readonly share: number
  readonly accuracy: number
  readonly loss: number
}

export interface Line {
  readonly owners: readonly [number, number]
  readonly points: readonly LinePoint[]
}

/** Where the lost accuracy of a unified model sits. */
export interface Explained {
  readonly round: number
  readonly losses: Losses
  readonly confused: Confused
  /** These two are of the last round whose weights were kept; undefined if none were. */
  readonly opposition: Opposition | undefined
  readonly line: Line | undefined
  readonly advice: readonly string[]
}

/** The same, with what is needed to show it by itself. */
export interface Explanation extends Explained {
  readonly path: string
  readonly classNames: readonly string[]
}

export interface ExplainRequest {
  /** The unified model of the run's last round. */
  readonly model: Weights
  readonly kept: KeptRound | undefined
  readonly signal: AbortSignal
  /** Told of what is done, of how much. */
  progress(done: number, all: number): void
}

/** Random features of the last map, enough to tell what the convolutions know. */
const RANDOM = 1000
const STEPS = 10

/**
 * Measures where a unified model loses accuracy: in its last layer, in its dense layers, between owners.
 * @param prepared the run's experiment, with its data
 * @throws FedunifyError (usage) if the data are not the run's, or the model has no last dense layer
 */
export async function explainRun(
  run: LoadedRun,
  prepared: PreparedRun,
  { model, kept, signal, progress }: ExplainRequest,
): Promise<Explanation> {
  const { manifest, rounds } = run
  const last = lastDense(prepared)
  const { shards } = manifest
  if (shards.some(({ train_labels }) => train_labels.length === 0)) {
    const hint = 'ask the owners to share them (share: { labels: true }), or explain a run of owners in one process'
    throw new FedunifyError('E_CONFLICT', 'an owner of the run does not tell its classes', hint)
  }
  const wide = hasMap(prepared)
  const groups = classGroups(shards)
  const line = kept && farthest(kept)
  const all = 1 + groups.length + (wide ? 2 : 1) + (line ? STEPS + 1 : 0)
  let done = 0
  const step = <T>(value: T): T => {
    done += 1
    progress(done, all)
    return value
  }
  const within = async <T>(random: number, work: (participants: Participants) => Promise<T>): Promise<T> => {
    const head = { ridge: { lambda: 0.01, random } }
    // Nothing is trained.
    const chosen = { baseline: 'none', objective: 'cross-entropy', head } as const
    const here = inThisProcess({ ...prepared, experiment: { ...prepared.experiment, ...chosen } })
    assertSameData(manifest, here.description)
    const participants = await here.open(signal)
    try {
      return await work(participants)
    } finally {
      await participants.close()
    }
  }
  const found = await within(0, async ({ owners: cohort }) => {
    const evaluate = async (weights: Weights) => {
      signal.throwIfAborted()
      return await cohort.evaluate(await cohort.publish(weights), signal)
    }
    const unified = step(union(await evaluate(model)))
    const limited: Evaluation[] = []
    for (const { classes, owners } of groups) {
      const scores = await evaluate(limitedTo(model, last, classes))
      limited.push(...step(owners.map((owner) => scores.get(owner)!)))
    }
    const refitted = step(await refit(cohort, model, 0, signal))
    const points: LinePoint[] = []
    for (let i = 0; line && i <= STEPS; i++) {
      const score = step(union(await evaluate(between(line.one, line.other, i / STEPS))))
      points.push({ share: i / STEPS, accuracy: accuracy(score), loss: meanLoss(score) })
    }
    return { unified, limited: addEvaluations(limited), refitted, points }
  })
  const onMap = wide ? step(await within(RANDOM, ({ owners }) => refit(owners, model, RANDOM, signal))) : undefined
  const losses = {
    unified: accuracy(found.unified),
    limited: accuracy(found.limited),
    refitted: accuracy(found.refitted),
    onMap: onMap && accuracy(onMap),
    pooled: pointAt(run, POOLED_SERIES, 'end')?.accuracy,
  }
  const mixed = confused(found.unified.confusion, shards)
  const ways =
    kept?.received && kept.owners.length > 1
      ? opposition(
          kept.received,
          kept.owners.map(({ weights }) => weights),
        )
      : undefined
  return {
    path: run.path,
    round: rounds,
    classNames: manifest.dataset.class_names,
    losses,
    confused: mixed,
    opposition: ways,
    line: line && { owners: line.owners, points: found.points },
    advice: advice(losses, mixed, ways),
  }
}

const union = (scores: ReadonlyMap<number, Evaluation>): Evaluation => addEvaluations([...scores.values()])

async function refit(cohort: Participants['owners'], model: Weights, random: number, signal: AbortSignal) {
  const head = make(HEADS, { ridge: { lambda: 0.01, random } })!
  const ref = await cohort.publish(model)
  const { scores } = await fitHead(cohort, { ...head, name: 'ridge' }, ref, { round: 0, signal })
  return union(scores)
}

/** The name of the last layer, whose logits can be limited to some classes: it has a bias for each. */
function lastDense({ model }: PreparedRun): string {
  const { name, layer } = model.layers.at(-1)!
  if (layer.type === 'dense') return name
  const message = `explain reads what the last layer makes of its features, which must be dense, but it is ${layer.type}`
  throw new FedunifyError('E_MODEL', message, 'explain a run of a model that ends with a dense layer')
}

/** Whether there is a last map before dense layers, which random features can be made of. */
function hasMap({ model }: PreparedRun): boolean {
  try {
    widened(model, 1)
    return true
  } catch {
    return false
  }
}

/** Owners that hold the same classes, together. */
function classGroups(shards: LoadedRun['manifest']['shards']) {
  const groups = new Map<string, { classes: number[]; owners: number[] }>()
  for (const { owner, train_labels } of shards) {
    const classes = train_labels.flatMap((count, c) => (count > 0 ? [c] : []))
    const group = groups.get(classes.join()) ?? { classes, owners: [] }
    group.owners.push(owner)
    groups.set(classes.join(), group)
  }
  return [...groups.values()]
}

/** The two owners whose models lie farthest apart. */
function farthest({ owners }: KeptRound) {
  let most: { owners: readonly [number, number]; one: Weights; other: Weights; apart: number } | undefined
  for (const [i, a] of owners.entries()) {
    for (const b of owners.slice(i + 1)) {
      const apart = squaredDistance(a.weights, b.weights)
      if (!most || apart > most.apart) most = { owners: [a.owner, b.owner], one: a.weights, other: b.weights, apart }
    }
  }
  return most
}
