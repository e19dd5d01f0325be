import { chosenHead } from '../algorithm/head/registry.ts'
import type { Experiment } from '../config/schema.ts'
import type { Learner } from '../engine/engine.ts'
import { OPTIMIZERS } from '../engine/optimizer-registry.ts'
import type { Arrived } from '../federation/arrivals.ts'
import type { Cohort } from '../federation/cohort.ts'
import { HeadLearner } from '../federation/head-learner.ts'
import { LocalCohort } from '../federation/local/local-cohort.ts'
import type { Model } from '../model/model.ts'
import { make } from '../parts.ts'
import type { RunDescription } from '../runs/run-description.ts'
import { collectSeldom } from '../system/memory.ts'
import { describeRun } from './describe.ts'
import { maskedHere } from './masks.ts'
import { assertStates } from './memory-need.ts'
import { pooledOwner, shardOwners } from './owners.ts'
import type { PreparedRun } from './prepare.ts'

/** Who takes part in a run. */
export interface Participants {
  readonly owners: Cohort
  /** The pooled baseline: a cohort of one owner, who has everybody's images. */
  readonly baseline: Cohort | undefined
  close(): Promise<void>
}

/** What trains for a run's owners, `workers` of them at a time. */
export function openLearner(run: PreparedRun, workers: number, signal?: AbortSignal): Promise<Learner> {
  const { experiment, dataset, model, engine } = run
  const { seed, normalise } = experiment
  const optimizer = { ...make(OPTIMIZERS, experiment.optimizer), weightDecay: experiment['weight-decay'] }
  return engine.open({ model, dataset, normalise, optimizer, seed, workers, signal })
}

/** A run that can be executed. */
export interface Runnable {
  readonly experiment: Experiment
  readonly model: Model
  /** As its manifest says it. */
  readonly description: RunDescription
  /** The arrivals of another run, in whose order it goes without waiting. */
  readonly replayed?: readonly Arrived[] | undefined
  /** Gathers those who take part. */
  open(signal: AbortSignal): Promise<Participants>
}

/**
 * A prepared run with all owners in this process.
 * @param asked what its manifest says was asked for, if this machine was told to use other files
 */
export const inThisProcess = (run: PreparedRun, asked = run.experiment): Runnable => ({
  experiment: run.experiment,
  model: run.model,
  description: describeRun({ ...run, experiment: asked }),
  open: (signal) => openLocally(run, signal),
})

/** One learner trains for all owners. */
async function openLocally(run: PreparedRun, signal: AbortSignal): Promise<Participants> {
  const { experiment, shards } = run
  const { workers, baseline } = experiment
  assertStates(run.model, experiment)
  collectSeldom()
  const learner = await openLearner(run, workers, signal)
  const heads = headLearner(run, workers, learner, signal)
  const masks = maskedHere(
    experiment,
    shards.map(({ owner }) => owner),
  )
  const owners = shardOwners(run, shards, learner, masks?.settings)
  return {
    owners: new LocalCohort(owners, workers, {
      heads: heads && { learner: heads, shards, masks: masks?.head },
      masks: masks?.cohort,
    }),
    baseline: baseline === 'pooled' ? new LocalCohort([pooledOwner(run, shards, learner)], 1) : undefined,
    async close() {
      await heads?.close()
      await learner.close()
    },
  }
}

/**
 * What fits the head of a run, if it has one. With random features it needs a learner of its own, because its model is
 * another one.
 */
export function headLearner(
  run: PreparedRun,
  workers: number,
  own: Learner,
  signal: AbortSignal,
): HeadLearner | undefined {
  const { experiment, model } = run
  const head = chosenHead(experiment.head)
  const open = (wide: Model) => openLearner({ ...run, model: wide }, workers, signal)
  return head && new HeadLearner({ model, random: head.random, seed: experiment.seed, own, open })
}
