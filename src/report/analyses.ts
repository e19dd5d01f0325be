import { join } from 'node:path'
import type { z } from 'zod'
import type { Audited } from '../audit/audit-run.ts'
import { AUDITED } from '../audit/plain.ts'
import { FedunifyError } from '../errors.ts'
import type { Explained } from '../explain/explain-run.ts'
import { EXPLAINED } from '../explain/plain.ts'
import { TABLES } from '../remerge/plain.ts'
import type { Remerged } from '../remerge/remerge-run.ts'
import { type AnalysisFile, readAnalysis } from '../runs/analysis.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'

/** What was found out about a run, from the files that explain, remerge and audit left in its folder. */
export interface Analyses {
  readonly explained: Explained | undefined
  readonly remerged: readonly Remerged[]
  readonly audited: Audited | undefined
  /** Why a file that is there is not shown: it is an extra, and the figures of the run hold without it. */
  readonly problems: readonly string[]
}

export async function readAnalyses({ path, manifest }: Pick<LoadedRun, 'path' | 'manifest'>): Promise<Analyses> {
  const problems: string[] = []
  const read = async <T>(name: AnalysisFile, content: z.ZodType<T>): Promise<T | undefined> => {
    try {
      return await readAnalysis(path, name, manifest, content)
    } catch (error) {
      if (!(error instanceof FedunifyError) || error.kind !== 'data') throw error
      const why = error.message.replace(`${join(path, name)}: `, '')
      problems.push(`lacks the figures of ${name}: ${why}.`)
      return undefined
    }
  }
  const explained = await read('explain.json', EXPLAINED)
  const remerged = (await read('remerge.json', TABLES)) ?? []
  const audited = await read('audit.json', AUDITED)
  return { explained, remerged, audited, problems }
}
