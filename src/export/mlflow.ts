import { withoutSeed } from '../config/hash.ts'
import { valueText } from '../runs/read/run-groups.ts'
import { runIdentity, type Status } from '../runs/run-description.ts'
import type { MlflowServer } from './mlflow-server.ts'
import { type ExportedRun, tagOf } from './points.ts'

/** What one request may hold, and how long a parameter's value may be, as MLflow documents it. */
const MOST_METRICS = 1000
const MOST_PARAMS = 100
const MOST_VALUE = 6000

const STATUS: Readonly<Record<Status, string>> = {
  running: 'RUNNING',
  finished: 'FINISHED',
  interrupted: 'KILLED',
  failed: 'FAILED',
}

/** The tag by which a run is known again. It comes last: a run of which only a part arrived is sent anew. */
const IDENTITY = 'fedunify_run'

/** What has become of a run on the server. */
export interface Tracked {
  readonly id: string
  /** The id that MLflow gave it; undefined if it was there already, as far as it is now. */
  readonly runId: string | undefined
}

/**
 * Puts runs on a tracking server, one after the other: an experiment by its name, a run's settings as parameters, each
 * figure as a metric whose step is the round. A run that is there already is left alone.
 * @see https://mlflow.org/docs/latest/rest-api.html
 */
export async function* trackRuns(server: MlflowServer, runs: readonly ExportedRun[]): AsyncGenerator<Tracked> {
  const experiments = new Map<string, string>()
  for (const run of runs) {
    const experiment = experiments.get(run.name) ?? (await experimentOf(server, run.name))
    experiments.set(run.name, experiment)
    yield await trackRun(server, run, experiment)
  }
}

async function trackRun(
  server: MlflowServer,
  { id, run, points }: ExportedRun,
  experiment_id: string,
): Promise<Tracked> {
  const { manifest } = run
  const identity = `${runIdentity(manifest).slice(0, 32)}-${run.rounds}`
  const known = await server.post<{ runs?: unknown[] }>('runs/search', {
    experiment_ids: [experiment_id],
    filter: `tags.${IDENTITY} = '${identity}'`,
    max_results: 1,
  })
  if (known.runs && known.runs.length > 0) return { id, runId: undefined }

  const began = Date.parse(manifest.started)
  const tags = [
    { key: 'mlflow.runName', value: id },
    { key: 'fedunify_version', value: manifest.fedunify },
  ]
  const created = await server.post<{ run: { info: { run_id: string } } }>('runs/create', {
    experiment_id,
    run_name: id,
    start_time: began,
    tags,
  })
  const { run_id } = created.run.info
  const params = Object.entries({ seed: manifest.config.seed, ...withoutSeed(manifest.config) }).map(
    ([key, value]) => ({
      key: plainKey(key),
      value: valueText(value).slice(0, MOST_VALUE),
    }),
  )
  const metrics = points.map((point) => ({
    key: plainKey(tagOf(point)),
    value: point.value,
    timestamp: began + 1000 * point.round,
    step: point.round,
  }))
  for (const part of parts(params, MOST_PARAMS)) await server.post('runs/log-batch', { run_id, params: part })
  for (const part of parts(metrics, MOST_METRICS)) await server.post('runs/log-batch', { run_id, metrics: part })
  const ended = manifest.finished === undefined ? {} : { end_time: Date.parse(manifest.finished) }
  await server.post('runs/log-batch', { run_id, tags: [{ key: IDENTITY, value: identity }] })
  await server.post('runs/update', { run_id, status: STATUS[manifest.status], ...ended })
  return { id, runId: run_id }
}

async function experimentOf(server: MlflowServer, name: string): Promise<string> {
  type Found = { experiment: { experiment_id: string } }
  const found = await server.get<Found>('experiments/get-by-name', { experiment_name: name })
  if (found) return found.experiment.experiment_id
  return (await server.post<{ experiment_id: string }>('experiments/create', { name })).experiment_id
}

/** Letters, digits, dash, dot, space, colon and slash are all that a key may have beside the underscore. */
const plainKey = (key: string): string => key.replace(/[^\w\-. :/]/g, '_')

function parts<T>(list: readonly T[], most: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / most) }, (_, i) => list.slice(i * most, (i + 1) * most))
}
