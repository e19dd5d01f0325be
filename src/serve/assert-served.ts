import { asksOf } from '../algorithm/merge/assert-rule.ts'
import type { MergeChoice } from '../algorithm/merge/own-rule.ts'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { ownerNoise } from '../config/owner-noise.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { make, nameOf } from '../parts.ts'

/** How a server was asked to deal with its owners. */
interface Dealing {
  readonly minOwners: number | undefined
  readonly maxNorm: number | undefined
  readonly deadline: number | undefined
  note(line: string): void
}

/** @throws FedunifyError (usage) if an experiment asks for what owners on other machines do not do */
export function assertServed(experiment: Experiment, dealing: Dealing): void {
  const { pace, speeds, merge, attack } = experiment
  const { minOwners } = dealing
  if (attack) {
    const message = `attack ${nameOf(attack)}: nobody asks owners on other machines to be hostile`
    throw new FedunifyError('E_CONFLICT', message, 'use attack none, or run the experiment with all owners here')
  }
  const asking = merge.find((choice) => asksOf(choice).length > 0)
  if (asking) {
    const message = `merge ${nameOf<MergeChoice>(asking)}: owners on other machines do not hand in statistics of their images yet`
    throw new FedunifyError('E_CONFLICT', message, 'use another rule, or run the experiment with all owners here')
  }
  if (speeds) {
    const message = 'speeds are of simulated owners: on machines of their own they take the time that they take'
    throw new FedunifyError('E_CONFLICT', message, 'leave speeds out')
  }
  assertMasks(experiment, dealing)
  assertNoise(experiment, minOwners)
  if (!pace || minOwners === undefined) return
  const message = `--min-owners: with pace ${nameOf(pace)} no round waits for all owners`
  throw new FedunifyError('E_CONFLICT', message, 'leave out --min-owners')
}

function assertMasks(experiment: Experiment, { minOwners, maxNorm, deadline, note }: Dealing): void {
  const { privacy, objective, owners } = experiment
  if (!privacy?.masks) return
  const refuse = (message: string, hint: string) => new FedunifyError('E_CONFLICT', message, hint)
  const { threshold } = privacy.masks
  if (privacy['insecure-test-seed'] !== undefined) {
    const message = 'insecure-test-seed: owners on other machines draw no masks from a seed that the server knows'
    throw refuse(message, 'leave it out, or run the experiment with all owners here')
  }
  if (maxNorm !== undefined) {
    throw refuse('--max-norm: under masks nobody sees how far a single update went', 'leave out --max-norm, or masks')
  }
  if (minOwners !== undefined) {
    const message = '--min-owners: without one of its owners a masked sum stays masked'
    throw refuse(message, 'use privacy: { masks: { threshold: … } }, which says how many must stay')
  }
  const { end }: Objective = make(OBJECTIVES, objective)
  if (threshold !== undefined && end) {
    const message = `objective ${nameOf(objective)} keeps a state at every owner, so none may be lost`
    throw refuse(message, 'leave out the threshold of the masks')
  }
  if (threshold !== undefined && threshold < owners && deadline === undefined) {
    note(`note: without --deadline an owner that is away is waited for, although ${threshold} owners are enough`)
  }
}

function assertNoise(experiment: Experiment, minOwners: number | undefined): void {
  const noise = ownerNoise(experiment)
  if (!noise) return
  if (noise.testSeed !== undefined) {
    const message = 'insecure-test-seed: owners on other machines take no noise from a seed that the server knows'
    throw new FedunifyError('E_CONFLICT', message, 'leave it out, or run the experiment with all owners here')
  }
  if (typeof noise.clip !== 'number') {
    const message = 'an adaptive clip goes by a count of owners, which those on other machines do not hand in yet'
    throw new FedunifyError('E_CONFLICT', message, 'give clip a number')
  }
  if (noise.by === 'server' || minOwners === undefined) return
  const message = '--min-owners: noise of the owners is enough only if each of them adds its share'
  throw new FedunifyError('E_CONFLICT', message, 'leave out --min-owners, or use noise-by server')
}
