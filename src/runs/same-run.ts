import { decisive } from '../config/hash.ts'
import { FedunifyError } from '../errors.ts'
import { type Manifest, type RunDescription, withoutMetrics } from './run-description.ts'

/**
 * A run goes on only as what it was: another config, dataset, engine or version would not give the same numbers.
 * @throws FedunifyError (usage) naming every key that differs, with both values
 */
export function assertSameRun(dir: string, was: Manifest, is: RunDescription): void {
  const facts = ({
    config,
    dataset,
    engine,
    fedunify,
    min_owners,
    shards,
  }: Pick<RunDescription, 'config' | 'dataset' | 'engine' | 'fedunify' | 'min_owners' | 'shards'>) => ({
    ...decisive(config),
    dataset_sha256: dataset.sha256,
    engine: `${engine.name} on ${engine.device}, ${engine.version}`,
    fedunify,
    ...(min_owners !== undefined && { 'min-owners': min_owners }),
    // Columns and cells of its tables depend on them.
    'owners without metrics': withoutMetrics(shards),
  })
  assertAlike(`${dir} cannot go on`, facts(was), facts(is))
}

/**
 * What is asked of a run that has finished must be what it was, or an old result would pass for a new one.
 * @throws FedunifyError (usage) naming every key that differs, with both values
 */
export function assertSameConfig(dir: string, was: RunDescription['config'], is: RunDescription['config']): void {
  assertAlike(`${dir} has finished as another run`, decisive(was), decisive(is))
}

function assertAlike(what: string, before: Record<string, unknown>, now: Record<string, unknown>): void {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  const show = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value))
  const differing = keys.filter((key) => show(before[key]) !== show(now[key]))
  if (differing.length === 0) return
  const list = differing.map((key) => `${key} (was ${show(before[key])}, is ${show(now[key])})`).join(', ')
  const hint = 'resume with what it was started with, or start a new run'
  throw new FedunifyError('E_RUN_DIFFERS', `${what}: other ${list}`, hint)
}
