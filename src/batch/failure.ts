import { EXIT, FedunifyError, messageOf } from '../errors.ts'
import { refusalOf } from '../system/refusal.ts'
import { oneLine } from '../visible.ts'
import type { BatchRun } from './plan.ts'
import type { BatchResult } from './run-batch.ts'

/** What a batch ends with: the error of its worst run, by exit code; undefined if no run failed. */
export function batchFailure(results: readonly BatchResult[]): unknown {
  const [worst] = results.toSorted((a, b) => exitOf(b) - exitOf(a))
  if (worst?.error === undefined) return undefined
  const { run, error } = worst
  if (!(error instanceof FedunifyError)) return error
  const failed = results.filter(({ outcome }) => outcome === 'failed').length
  const others = failed > 1 ? ` (and ${failed - 1} more failed)` : ''
  return new FedunifyError(error.code, `${run.path}: ${reasonOf(run, error)}${others}`, error.hint, { cause: error })
}

/** The exit code that a run would end with by itself. */
function exitOf({ error }: BatchResult): number {
  if (error === undefined) return EXIT.ok
  return refusalOf(error)?.exitCode ?? EXIT.training
}

/** What went wrong, to follow the name of the run: many a message begins with that itself. */
export function reasonOf({ path }: BatchRun, error: unknown): string {
  const message = messageOf(error)
  const named = [': ', ' ', '/'].find((after) => message.startsWith(path + after))
  return oneLine(named === undefined ? message : message.slice(path.length + named.length))
}
