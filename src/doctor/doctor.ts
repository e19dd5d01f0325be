import type { Access } from '../data/fashion-mnist/places.ts'
import { messageOf } from '../errors.ts'
import { checkDataset } from './dataset.ts'
import { checkEngines } from './engines.ts'
import type { Finding } from './finding.ts'
import { checkAddresses, checkGit, checkMemory, checkNode, checkProcessor } from './machine.ts'
import { checkResults } from './results.ts'

export interface Examination extends Access {
  /** The results folder. */
  readonly out: string
  /** The folder given with --data. */
  readonly data?: string | undefined
  readonly signal?: AbortSignal
  /** A check that takes longer counts as failed, in milliseconds. */
  readonly patience?: number
}

/** Looks at everything that a run needs, all at once. Never throws: a check that fails is a finding too. */
export async function examine({ out, data, signal, patience = 10_000, ...access }: Examination): Promise<Finding[]> {
  const late = AbortSignal.any([AbortSignal.timeout(patience), ...(signal ? [signal] : [])])
  const checks: [subject: string, check: () => Promise<Finding | Finding[]> | Finding | Finding[]][] = [
    ['node', () => checkNode()],
    ['processor', () => checkProcessor()],
    ['memory', () => checkMemory()],
    ['addresses', () => checkAddresses()],
    ['results', () => checkResults(out)],
    ['dataset', () => checkDataset(data, access)],
    ['engines', () => checkEngines(late)],
    ['git', () => checkGit()],
  ]
  const found = checks.map(async ([subject, check]): Promise<Finding | Finding[]> => {
    try {
      return await Promise.race([check(), rejection(late)])
    } catch (error) {
      return { subject, status: 'problem', detail: `could not be checked: ${messageOf(error).split('\n')[0]}` }
    }
  })
  return (await Promise.all(found)).flat()
}

const rejection = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
