import { OWN_KEYS } from '../config/hash.ts'
import { isMapping } from '../config/mapping.ts'
import { FedunifyError } from '../errors.ts'

/**
 * What an owner takes from a server's experiment. None of it names a file or a folder: rules of the server's own are
 * names here, whose code is not run at an owner.
 */
const TAKEN = [
  'seed',
  'dataset',
  'images',
  'validation',
  'normalise',
  'env',
  'owners',
  'model',
  'init',
  'merge',
  'server',
  'participants',
  'privacy',
  'head',
  'pace',
  'rounds',
  'stop-at',
  'evaluate-every',
  'baseline',
  'local-epochs',
  'until-local-accuracy',
  'max-local-epochs',
  'batch',
  'objective',
  'sam',
  'optimizer',
  'lr',
  'weight-decay',
  'lr-schedule',
]

/** A secret that follows from it is none. */
const TEST_SEED = 'insecure-test-seed'

/** Epochs of a round that nobody means: an owner would train for ever. */
const MOST_EPOCHS = 10_000

/**
 * The part of an experiment that concerns an owner.
 * @throws FedunifyError (usage) if there is a key that this version does not know, or no end to a round
 */
export function takenFrom(sent: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const strange = Object.keys(sent).find((key) => !TAKEN.includes(key) && !OWN_KEYS.includes(key))
  if (strange !== undefined) {
    const hint = 'both sides need the same version of fedunify'
    throw new FedunifyError('E_UNKNOWN_NAME', `the experiment has ${strange.slice(0, 80)}, which no owner takes`, hint)
  }
  for (const key of ['local-epochs', 'max-local-epochs']) {
    if (!(Number(sent[key] ?? 1) <= MOST_EPOCHS)) {
      const what = `the experiment asks for ${key} ${String(sent[key]).slice(0, 80)}`
      throw new FedunifyError('E_POLICY', `${what}; no owner trains more than ${MOST_EPOCHS} in a round`)
    }
  }
  const { privacy } = sent
  if (isMapping(privacy) && privacy[TEST_SEED] !== undefined) {
    const what = `the experiment draws masks and noise from ${TEST_SEED}, which the server knows`
    throw new FedunifyError('E_POLICY', what, `leave out ${TEST_SEED}: it is for tests in one process`)
  }
  return Object.fromEntries(Object.entries(sent).filter(([key]) => TAKEN.includes(key)))
}
