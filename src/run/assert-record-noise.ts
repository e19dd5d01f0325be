import { DELTA } from '../config/owner-noise.ts'
import { recordAccount, recordNoise } from '../config/record-noise.ts'
import type { Experiment } from '../config/schema.ts'
import type { Shard } from '../data/dataset.ts'
import { FedunifyError } from '../errors.ts'
import { affordableRounds } from '../privacy/account.ts'

type Owner = Pick<Shard, 'owner' | 'train'>

/**
 * Looks before a run whether its owners can hide their images as asked: that depends on how many they have.
 * @throws FedunifyError (usage) if no noise reaches the ε, or the noise leaves no round within it
 */
export function assertRecordNoise(experiment: Experiment, owners: readonly Owner[]): void {
  const { privacy, rounds } = experiment
  if (privacy?.level !== 'record') return
  const { epsilon, noise } = privacy
  const without = owners.find(({ train }) => !recordNoise(experiment, train.length))
  if (without) {
    const what = `no noise keeps ${rounds} rounds of owner ${without.owner} (${without.train.length} images) within epsilon`
    const hint = 'allow a larger epsilon or delta, do fewer rounds, or take a smaller batch'
    throw new FedunifyError('E_CONFLICT', `${what} ${epsilon}`, hint)
  }
  const account = recordAccount(
    experiment,
    owners.map(({ train }) => train.length),
  )
  if (!account || affordableRounds(account, rounds) > 0) return
  const cost = account.epsilonAfter(1).toPrecision(4)
  const what = `with noise ${noise} the first round costs epsilon ${cost}, which is more than ${epsilon}`
  const hint = 'leave out noise, which is then found, take a smaller batch, or allow a larger epsilon'
  throw new FedunifyError('E_CONFLICT', what, hint)
}

/** What whoever asked for hidden images should know of the δ; undefined if there is nothing to say. */
export function noteOfDelta({ privacy }: Experiment, owners: readonly Owner[]): string | undefined {
  if (privacy?.level !== 'record') return undefined
  const { delta = DELTA } = privacy
  const fewest = owners.reduce((few, one) => (one.train.length < few.train.length ? one : few))
  const images = fewest.train.length
  if (delta * images < 1) return undefined
  const what = `delta ${delta} is not below 1/${images}, the share of one image of owner ${fewest.owner}`
  return `${what}: a model that gives one image away as it is would be within it; name a smaller delta`
}
