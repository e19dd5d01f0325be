import { basename, join } from 'node:path'
import { FedunifyError, nearest } from '../../errors.ts'
import { kindOf } from '../../system/files.ts'
import { LATEST, runPath } from '../latest.ts'
import { findRuns, holdsRun } from './find-runs.ts'
import { newestOf } from './newest-run.ts'

/**
 * The folder of one run: `latest`, a path, or the id of a run below the results folder, which may be cut short.
 * @throws FedunifyError (data) if there is no such run; (usage) if several are meant
 */
export async function pickRun(named: string, results: string): Promise<string> {
  const found = await pickRuns(named, results)
  if (found.length === 1) return found[0]!
  const list = found.slice(0, 3).join(', ')
  const more = found.length > 3 ? ', …' : ''
  throw new FedunifyError('E_OPTION', `${named}: ${found.length} runs: ${list}${more}`, 'see fedunify ls, and name one')
}

/** The same for a name that may mean several runs: the folder of a batch, or how their ids begin. At least one. */
export async function pickRuns(named: string, results: string): Promise<string[]> {
  if (named === LATEST) return [await latestRun(results)]
  const isPath = (await kindOf(named)) !== 'none'
  const found = isPath ? await findRuns(named, refuse) : await runsById(named, results)
  if (found.length > 0) return found
  throw new FedunifyError('E_RUN_NOT_FOUND', `${named}: no such run`, await hintFor(named, results))
}

/** Those of that id, or else those whose id begins so. */
async function runsById(id: string, results: string): Promise<string[]> {
  const all = await runsIn(results)
  const exact = all.filter((path) => basename(path) === id)
  return exact.length > 0 ? exact : all.filter((path) => basename(path).startsWith(id))
}

async function hintFor(named: string, results: string): Promise<string> {
  const near = nearest(
    named,
    (await runsIn(results)).map((path) => basename(path)),
  )
  return near === undefined ? 'fedunify ls lists the runs' : `did you mean ${near}?`
}

/**
 * The newest run: that which the link `latest` in the results folder leads to, or else one that is running, or the one
 * that was started last.
 * @throws FedunifyError (data) if there is none
 */
export async function latestRun(results: string): Promise<string> {
  const linked = await linkedRun(results)
  if (linked !== undefined) return linked
  const paths = await runsIn(results)
  if (paths.length > 0) return await newestOf(paths, results)
  throw new FedunifyError('E_RUN_NOT_FOUND', `${results}: no run yet`, 'begin one with: fedunify run')
}

/** Undefined if the pointer is not there, or leads to no run. */
async function linkedRun(results: string): Promise<string | undefined> {
  const path = await runPath(join(results, LATEST))
  return (await holdsRun(path).catch(() => false)) ? path : undefined
}

/** Empty if the folder is not there or has none; what cannot be looked into is passed over. */
async function runsIn(results: string): Promise<string[]> {
  try {
    return await findRuns(results, () => {})
  } catch (error) {
    if (error instanceof FedunifyError && error.code === 'E_RUN_NOT_FOUND') return []
    throw error
  }
}

function refuse(error: FedunifyError): never {
  throw error
}
