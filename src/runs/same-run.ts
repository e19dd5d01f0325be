import { decisive, OWN_KEYS } from '../config/hash.ts'
import { omit } from '../config/mapping.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { isEvaluated, lastRound, learningRate } from '../federation/schedule.ts'
import { nameOf } from '../parts.ts'
import { type Manifest, type RunDescription, withoutMetrics } from './run-description.ts'

/** Whether a run that has finished goes on if its experiment is asked for: it was told to stop before that one's end. */
export const goesOn = ({ reason, rounds }: Manifest, asked: Experiment): boolean =>
  reason !== 'stop-at' && reason !== 'budget' && rounds < lastRound(asked)

/**
 * Why the rounds that are done would have been others if the experiment had another number of rounds, if so: the learning
 * rate of some schedules goes by it, and the last round is evaluated in any case.
 */
export function whyOthers(was: Experiment, rounds: number, finished: number): string | undefined {
  const is = { ...was, rounds }
  const done = Array.from({ length: finished }, (_, i) => i + 1)
  if (done.some((round) => learningRate(was, round) !== learningRate(is, round))) {
    const schedule = nameOf(was['lr-schedule'])
    return `lr-schedule ${schedule} goes by the number of rounds, so the ${finished} that are done would have been others`
  }
  if (was.privacy?.epsilon !== undefined && was.privacy.noise === undefined && was.rounds !== rounds && finished > 0) {
    return `the noise was found for ${was.rounds} rounds, so the ${finished} that are done would have had other noise`
  }
  const odd = done.find((round) => isEvaluated(was, round) !== isEvaluated(is, round))
  if (odd === undefined) return undefined
  const would = isEvaluated(is, odd)
    ? 'was not evaluated, but would have been'
    : 'was evaluated, but would not have been'
  return `with evaluate-every ${was['evaluate-every'] ?? 1}, round ${odd} ${would}`
}

/**
 * A run goes on only as what it was: another config, dataset, engine or version would not give the same numbers. It may
 * have more or fewer rounds if those that are done would have been the same.
 * @throws FedunifyError (usage) naming every key that differs, with both values
 */
export function assertSameRun(dir: string, was: Manifest, is: RunDescription): void {
  const { rounds } = was
  const same = is.config.rounds >= rounds && whyOthers(was.config, is.config.rounds, rounds) === undefined
  const config = same ? { ...was.config, rounds: is.config.rounds } : was.config

  const facts = ({
    config,
    dataset,
    engine,
    fedunify,
    min_owners,
    arrivals,
    shards,
  }: Pick<RunDescription, 'config' | 'dataset' | 'engine' | 'fedunify' | 'min_owners' | 'arrivals' | 'shards'>) => ({
    ...decisive(config),
    dataset_sha256: dataset.sha256,
    engine: `${engine.name} on ${engine.device}, ${engine.version}`,
    fedunify,
    ...(min_owners !== undefined && { 'min-owners': min_owners }),
    ...(arrivals !== undefined && { arrivals }),
    // Columns and cells of its tables depend on them.
    'owners without metrics': withoutMetrics(shards),
  })
  assertAlike(`cannot resume ${dir}`, facts({ ...was, config }), facts(is), roundsHint(was, is.config))
}

/**
 * The arrivals of a run are those of its experiment, its owners and their images, whatever it computed with.
 * @throws FedunifyError (usage) naming every key that differs, with both values
 */
export function assertSameArrivals(dir: string, was: Manifest, is: RunDescription): void {
  const facts = ({ config, dataset, shards }: Pick<RunDescription, 'config' | 'dataset' | 'shards'>) => ({
    ...omit(decisive(config), (key) => OWN_KEYS.includes(key)),
    ...Object.fromEntries(shards.map(({ owner, sha256 }) => [`images of owner ${owner}`, sha256])),
    ...dataset.sha256,
  })
  assertAlike(`cannot replay ${dir}`, facts(was), facts(is), 'replay it with the experiment and the images that it had')
}

/**
 * What is asked of a run that has finished must be what it was, or an old result would pass for a new one.
 * @throws FedunifyError (usage) naming every key that differs, with both values
 */
export function assertSameConfig(dir: string, was: RunDescription['config'], is: RunDescription['config']): void {
  assertAlike(`${dir} has finished with a different configuration`, decisive(was), decisive(is))
}

/** Why a run cannot have another number of rounds; undefined if that is not it. */
function roundsHint({ config, rounds }: Manifest, is: Experiment): string | undefined {
  if (config.rounds === is.rounds) return undefined
  if (is.rounds < rounds) return `${rounds} rounds are done: ask for more, or start a new run`
  return whyOthers(config, is.rounds, rounds)
}

function assertAlike(
  what: string,
  before: Record<string, unknown>,
  now: Record<string, unknown>,
  reason?: string,
): void {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  const show = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value))
  const differing = keys.filter((key) => show(before[key]) !== show(now[key]))
  if (differing.length === 0) return
  const list = differing.map((key) => `${key} (run: ${show(before[key])}, now: ${show(now[key])})`).join(', ')
  const hint = reason ?? 'resume with what it was started with, or start a new run'
  throw new FedunifyError('E_RUN_DIFFERS', `${what}: ${list} ${differing.length === 1 ? 'differs' : 'differ'}`, hint)
}
