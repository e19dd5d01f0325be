import { initialWeights } from '../model/init.ts'
import { shardOwners } from '../run/owners.ts'
import { openLearner } from '../run/participants.ts'
import type { PreparedRun } from '../run/prepare.ts'

/** Images that a calibration trains: some chunks, of which the first warms up. */
const IMAGES = 3200

/** Images that this machine trains in a second on one worker, from a second of trying. */
export async function trainingSpeed(run: PreparedRun, signal: AbortSignal): Promise<number> {
  const { experiment, shards, model, dataset } = run
  const learner = await openLearner(run, 1, signal)
  try {
    const [first] = shards
    const some = { owner: 1, train: first!.train.subarray(0, IMAGES), test: first!.test.subarray(0, 1) }
    const { privacy } = experiment
    // Any noise takes as long, and on so few images the one that was asked for may not be found.
    const noise = privacy?.level === 'record' ? { privacy: { ...privacy, noise: 1 } } : {}
    const once = { ...experiment, ...noise, 'local-epochs': 1, 'until-local-accuracy': undefined } as const
    const [owner] = shardOwners({ experiment: once, model, dataset }, [some], learner)
    const task = { round: 1, lr: 1e-4, evaluate: true, evaluateReceived: false, instruction: {} }
    const { images, seconds } = await owner!.train(initialWeights(model, experiment.seed), task, () => {})
    return images / seconds
  } finally {
    await learner.close()
  }
}
