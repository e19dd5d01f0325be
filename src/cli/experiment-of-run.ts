import { loadExperiment } from '../config/load.ts'
import type { Experiment } from '../config/schema.ts'
import { withKeptData } from '../run/resume.ts'
import { checkpointFile } from '../runs/checkpoint.ts'
import { isPlainFile } from '../system/files.ts'

/**
 * The experiment of a run, to evaluate its models again, with the folder of its dataset.
 * @param data the folder that was named; undefined for the run's own
 */
export async function experimentOfRun(dir: string, data: string | undefined, signal: AbortSignal): Promise<Experiment> {
  const flags = { ...(data !== undefined && { data }) }
  const loaded = await loadExperiment({ run: dir, flags, signal })
  // A published run may lack its checkpoint, which alone knows where the data was.
  const knows = data === undefined && (await isPlainFile(checkpointFile(dir)))
  return knows ? await withKeptData(dir, loaded) : loaded
}
