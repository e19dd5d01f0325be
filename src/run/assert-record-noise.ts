import { DELTA } from '../config/owner-noise.ts'
import { recordAccount, recordNoise } from '../config/record-noise.ts'
import { drownedWords } from '../config/record-words.ts'
import type { Experiment } from '../config/schema.ts'
import type { Shard } from '../data/dataset.ts'
import { FedunifyError } from '../errors.ts'
import { affordableRounds, firstTooDear } from '../privacy/account.ts'

type Owner = Pick<Shard, 'owner' | 'train'>

/**
 * Looks before a run whether its owners can hide their images as asked: that depends on how many they have.
 * @throws FedunifyError (usage) if no noise reaches the ε, or the noise leaves no round within it
 */
export function assertRecordNoise(experiment: Experiment, owners: readonly Owner[]): void {
  const { privacy, rounds } = experiment
  if (privacy?.level !== 'record') return
  const { epsilon } = privacy
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
  const hint = 'leave out noise, which is then found, take a smaller batch, or allow a larger epsilon'
  throw new FedunifyError('E_CONFLICT', firstTooDear(account), hint)
}

/** What whoever asked for hidden images should know before a run: a δ that promises nothing, a seed that all know, noise that drowns all. */
export function notesOfRecords(experiment: Experiment, owners: readonly Owner[], parameters: number): string[] {
  const { privacy } = experiment
  if (privacy?.level !== 'record') return []
  const images = owners.map(({ train }) => train.length)
  const { delta = DELTA } = privacy
  const fewest = Math.min(...images)
  const large = `delta ${delta} is not below 1/${fewest}, the share of one image of owner ${owners[images.indexOf(fewest)]!.owner}`
  const mind = `${large}: a model that gives one image away as it is would be within it; name a smaller delta`
  const drowned = drownedWords(experiment, images, parameters)
  const seeded =
    'samples and noise are drawn from insecure-test-seed: whoever knows it can take the noise away, so this run protects nobody'
  return [
    ...(delta * fewest < 1 ? [] : [mind]),
    ...(privacy['insecure-test-seed'] === undefined ? [] : [seeded]),
    ...(drowned === undefined ? [] : [drowned]),
  ]
}
