import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ownRuleOf, ownRules } from '../../algorithm/merge/own-rule.ts'
import { configHash } from '../../config/hash.ts'
import { omit } from '../../config/mapping.ts'
import { withOwnRules } from '../../config/parts/own-rules.ts'
import { resolveExperiment } from '../../config/resolve.ts'
import type { Experiment } from '../../config/schema.ts'
import { objectSource } from '../../config/source.ts'
import { FedunifyError } from '../../errors.ts'
import { canonical } from '../../federation/nats/signed.ts'
import { VERSION } from '../../package.ts'
import { type AnyChoice, optionsOf } from '../../parts.ts'
import { putFile } from '../../runs/write/growing-file.ts'
import { makeFolders } from '../../system/files.ts'
import type { BatchRun } from '../plan.ts'
import { type Job, QUEUE_FORMAT } from './messages.ts'
import type { Queue } from './queue.ts'

const RULES = 'rules'

/** An experiment without code: rules of the user's own go by their files, as in the config of a run folder. */
function plainExperiment(experiment: Experiment): Record<string, unknown> {
  const merge = experiment.merge.map((choice: AnyChoice) => {
    const own = ownRuleOf(choice)
    return own ? { [`./${RULES}/${own.file}`]: optionsOf(choice) } : choice
  })
  return JSON.parse(JSON.stringify({ ...experiment, merge })) as Record<string, unknown>
}

/** By what a run is found on the broker: a batch that is started again finds what it put there. */
export function keyOf({ path, experiment }: Pick<BatchRun, 'path' | 'experiment'>): string {
  const plain = omit(plainExperiment(experiment), (key) => key === 'workers')
  const facts = { version: VERSION, path, plain, hash: configHash(experiment) }
  return createHash('sha256').update(canonical(facts)).digest('hex').slice(0, 32)
}

/** The files of rules, as part of a job's files. */
const ruleSet = 'job'

/**
 * What a worker needs to do a run; the files of rules are on the broker by then.
 * @param key the run's, of `keyOf`
 */
export async function makeJob(
  queue: Queue,
  key: string,
  { path, experiment }: BatchRun,
  signal: AbortSignal,
): Promise<Job> {
  const rules: Job['rules'] = []
  for (const { file, loaded } of ownRules(experiment.merge)) {
    rules.push({ file, blob: await queue.putBlob(key, ruleSet, loaded!.content, signal) })
  }
  return {
    format: QUEUE_FORMAT,
    fedunify: VERSION,
    key,
    path,
    experiment: plainExperiment(experiment),
    config_hash: configHash(experiment),
    rules,
  }
}

/**
 * The experiment of a job, checked as one of a file. Rules of the user's own are loaded, which runs their code.
 * @param dir for their files
 * @throws FedunifyError (usage) as an experiment file does; (data) if it is not what its hash says
 */
export async function experimentOf(queue: Queue, job: Job, dir: string, signal: AbortSignal): Promise<Experiment> {
  if (job.rules.length > 0) await makeFolders(join(dir, RULES))
  for (const { file, blob } of job.rules) {
    const bytes = await queue.getBlob(job.key, ruleSet, blob, file, signal)
    if (!bytes) throw new FedunifyError('E_PAYLOAD', `the broker has lost ${file}`, 'start the batch again')
    await putFile(join(dir, RULES, file), bytes)
  }
  const { sources, ...own } = await withOwnRules([{ ...objectSource(job.experiment), folder: dir }])
  const experiment = resolveExperiment(sources, undefined, own)
  if (configHash(experiment) === job.config_hash) return experiment
  throw new FedunifyError('E_PROTOCOL', 'the experiment of a job is not what its hash says', 'start the batch again')
}
