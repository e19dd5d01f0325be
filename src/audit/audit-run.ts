import type { Learner } from '../engine/engine.ts'
import { initialWeights } from '../model/init.ts'
import { nameOf } from '../parts.ts'
import type { KeptRound } from '../remerge/merged.ts'
import { assertSameData } from '../remerge/open-evaluator.ts'
import { inThisProcess, openLearner } from '../run/participants.ts'
import type { PreparedRun } from '../run/prepare.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import type { Weights } from '../weights/weights.ts'
import { ADVERSARIES, type Adversary, type Found, type Refusal } from './attack.ts'
import type { ChosenAttack } from './chosen-attacks.ts'
import type { Scene } from './scene.ts'
import { type SeenUpdate, seenUpdates } from './seen-updates.ts'
import { verdict } from './verdict.ts'

/** What an attack came to, as it is told. */
export interface AuditRow extends Found {
  readonly name: string
  /** With its options. */
  readonly attack: string
  readonly needs: string
  /** Whose models or updates were attacked. */
  readonly round: number
  readonly verdict: string
}

/** An attack that was not made. */
export interface NotMade extends Refusal {
  readonly name: string
}

export interface Audited {
  readonly rows: readonly AuditRow[]
  readonly notMade: readonly NotMade[]
}

export interface AuditRequest {
  readonly attacks: readonly ChosenAttack[]
  /** Who attacks; undefined: everybody who could. */
  readonly by: Adversary | undefined
  /** The unified model of the last round. */
  readonly model: Weights
  readonly kept: KeptRound | undefined
  readonly signal: AbortSignal
  /** Told of which attack comes next, of how many. */
  progress(name: string, done: number, all: number): void
}

/**
 * Makes attacks on what parties of a run have seen.
 * @param prepared the run's experiment, with its data
 * @throws FedunifyError (usage) if the data are not the run's
 */
export async function auditRun(run: LoadedRun, prepared: PreparedRun, request: AuditRequest): Promise<Audited> {
  const { attacks, by, model, kept, signal, progress } = request
  const { manifest } = run
  assertSameData(manifest, inThisProcess(prepared).description)
  const learners: Learner[] = []
  const open = async (changed: Partial<PreparedRun> = {}) => {
    const learner = await openLearner({ ...prepared, ...changed }, prepared.experiment.workers, signal)
    learners.push(learner)
    return learner
  }
  const seen = updatesOf(prepared, model, kept)
  const scene: Scene = { manifest, prepared, model, kept, ...seen, signal, open }
  const rows: AuditRow[] = []
  const notMade: NotMade[] = []
  try {
    for (const [i, { name, text, attack }] of attacks.entries()) {
      signal.throwIfAborted()
      progress(name, i, attacks.length)
      const able = ADVERSARIES.filter((one) => attack.by.includes(one) && (by === undefined || by === one))
      const found =
        able.length === 0
          ? { reason: `it is an attack by the ${attack.by.join(' or the ')}` }
          : await attack.make(scene, able)
      if ('reason' in found) notMade.push({ name, ...found })
      else rows.push(...found.map((one) => rowOf(one, { name, attack: text, needs: attack.needs })))
    }
  } finally {
    for (const learner of learners) await learner.close()
  }
  return { rows, notMade }

  function rowOf(found: Found, what: Pick<AuditRow, 'name' | 'attack' | 'needs'>): AuditRow {
    const round = found.by === 'user' ? run.rounds : (kept?.round ?? run.rounds)
    return { ...what, ...found, round, verdict: verdict(found) }
  }
}

function updatesOf({ experiment, model: layers, shards }: PreparedRun, model: Weights, kept: KeptRound | undefined) {
  const { privacy, rounds, init, server, seed } = experiment
  if (kept) {
    const updates = seenUpdates(kept, experiment)
    const why = kept.received ? 'nobody of these sees an update' : 'each owner began with weights of its own'
    return { updates, without: { reason: `${why} in round ${kept.round}` } }
  }
  if (!privacy?.masks) {
    const without = { reason: 'the run kept no updates of its owners', hint: 'do the run with --keep owners' }
    return { updates: [], without }
  }
  // The server knows the model that it sent out first: of a run of one round that is enough for the mean update.
  if (rounds === 1 && init === 'shared' && nameOf(server) === 'none') {
    const owners = shards.map(({ owner }) => owner)
    const received = initialWeights(layers, seed)
    const mean: SeenUpdate = { by: 'server', of: 'the mean of all owners', owners, received, sent: model }
    return { updates: [mean], without: { reason: MASKED } }
  }
  const hint = 'in a run of one round (--rounds 1) the mean of all updates is attacked'
  return { updates: [], without: { reason: `${MASKED}, and the run kept no model of the round before`, hint } }
}

const MASKED = 'masks keep the updates of single owners from the server'
