import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { State } from '../../algorithm/algorithm.ts'
import { FedunifyError } from '../../errors.ts'
import { PRIVACY } from '../../privacy/noise/owner-noise.ts'
import { isNumber } from '../../weights/number.ts'
import type { Weights } from '../../weights/weights.ts'
import { ANEW, checkpointFile, readOwnCheckpoint, type SavedState } from '../checkpoint.ts'
import { assertUntouched } from '../read/verify.ts'
import type { Manifest } from '../run-description.ts'
import { growingOf } from '../run-files.ts'
import { whyOthers } from '../same-run.ts'
import { tablesOf } from '../tables.ts'
import type { Mark } from './growing-file.ts'
import type { RunPlan } from './run-plan.ts'

/**
 * The state that a run can go on from, compared with everything that must agree with it: nothing that was finished is
 * done again over it, and nothing goes on from other weights.
 * @throws FedunifyError (data) naming what is missing or does not fit
 */
export async function savedState(dir: string, manifest: Manifest, plan: RunPlan): Promise<SavedState> {
  const { rounds } = manifest
  const { config } = plan.description
  const file = checkpointFile(dir)
  const saved = await readOwnCheckpoint(dir, manifest)
  const refuse = (why: string) => new FedunifyError('E_RUN_DAMAGED', `${file} ${why}`, ANEW)
  if (!saved) throw noCheckpoint(dir, rounds)
  const { round, files } = saved
  if (round < rounds) throw refuse(`is of round ${round}, but ${rounds} rounds are done`)
  if (round > config.rounds) throw refuse(`is of round ${round}, but the run has ${config.rounds}`)
  if (whyOthers(manifest.config, config.rounds, round) !== undefined) {
    throw refuse(`is of round ${round}, which would have been another in a run of ${config.rounds} rounds`)
  }
  if (round > 0) {
    const fault = lacking(files, config) ?? misfits(saved, plan)
    if (fault !== undefined) throw refuse(fault)
  }
  // Whatever the manifest says, the run is to go on: its files may be longer than they were.
  await assertUntouched(dir, { ...manifest, status: 'running' }, saved)
  for (const { file } of tablesOf(config)) await assertRows(join(dir, file), files[file]?.size ?? 0, round)
  return saved
}

/** @param rounds that are done */
export function noCheckpoint(dir: string, rounds: number): FedunifyError {
  const done = rounds === 1 ? '1 round is' : `${rounds} rounds are`
  return new FedunifyError('E_RUN_DAMAGED', `${checkpointFile(dir)} is missing, ${done} done`, ANEW)
}

/** Removes files that were being written when a process was killed. */
export async function removeDrafts(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (/^\..*\.tmp$/.test(name)) await rm(join(dir, name), { force: true })
  }
}

function lacking(files: Readonly<Record<string, Mark>>, config: RunPlan['description']['config']): string | undefined {
  const name = growingOf(config).find((one) => !files[one])
  return name && `has no mark for ${name}`
}

/** The first tensor in which what was saved is not of this run's model and algorithm. */
function misfits({ unified, pooled, serverState, ownerStates }: SavedState, plan: RunPlan): string | undefined {
  const { parameters, description } = plan
  const kept = (whose: string, state: State) =>
    Object.entries(state).map(([name, weights]): [string, Weights] => [`${whose}/${name}`, weights])
  const foreign = Object.keys(serverState).find((name) => !plan.serverState.includes(name))
  if (foreign !== undefined) return `has server/${foreign}, the algorithm none`
  const stranger = [...ownerStates.keys()].find((owner) => !description.shards.some((shard) => shard.owner === owner))
  if (stranger !== undefined) return `has a state of owner ${stranger}, the run none`
  const models: [string, Weights][] = [
    ['unified', unified],
    ...(description.config.baseline === 'pooled' ? [['pooled', pooled ?? new Map()] as [string, Weights]] : []),
    ...plan.serverState
      .map((name): [string, Weights] => [name, serverState[name] ?? new Map()])
      // A norm that adapts is a number.
      .filter(([name, weights]) => !(name.startsWith(PRIVACY) && isNumber(weights)))
      .map(([name, weights]): [string, Weights] => [`server/${name}`, weights]),
    ...[...ownerStates]
      .flatMap(([owner, state]) => kept(`owners/${owner}`, state))
      .filter(([, weights]) => !isNumber(weights)),
  ]
  for (const [whose, weights] of models) {
    const fault = misfit(whose, weights, parameters)
    if (fault !== undefined) return fault
  }
  return undefined
}

function misfit(whose: string, weights: Weights, parameters: RunPlan['parameters']): string | undefined {
  for (const { name, shape } of parameters) {
    const tensor = weights.get(name)
    if (!tensor) return `has no tensor ${whose}/${name}`
    if (tensor.shape.join() !== shape.join()) return `has ${whose}/${name} of [${tensor.shape}], the model [${shape}]`
  }
  const extra = [...weights.keys()].find((name) => !parameters.some((parameter) => parameter.name === name))
  return extra && `has a tensor ${whose}/${extra}, the model none`
}

/**
 * A table ends with the checkpoint's round at the mark, and behind it with at most the round that was under way.
 * @param size of the table at the mark
 */
async function assertRows(file: string, size: number, round: number): Promise<void> {
  const lines = await endOf(file, size)
  if (!lines) return
  const refuse = (why: string) => new FedunifyError('E_RUN_DAMAGED', `${file}: ${why}`, ANEW)
  const numberOf = (line: string | undefined) => Number(line?.split(',')[0])
  const last = numberOf(lines.before.at(-1))
  if (round > 0 && last !== round) throw refuse(`ends with round ${last}, but the checkpoint is of round ${round}`)
  const more = lines.after.map(numberOf).find((number) => number > round + 1)
  if (more !== undefined) throw refuse(`holds round ${more}, but the checkpoint is of round ${round}`)
}

/** Enough for the last line of a table with a column for each of a hundred thousand owners. */
const TAIL = 2 ** 20
/** More bytes than one round adds to a table. */
const MAX_ROUND = 2 ** 26

/** Whole lines just before `size` and all behind it; undefined if there is no such plain file. */
async function endOf(file: string, size: number): Promise<{ before: string[]; after: string[] } | undefined> {
  const handle = await open(file).catch(() => undefined)
  if (!handle) return undefined
  try {
    const info = await handle.stat()
    if (!info.isFile()) return undefined
    if (info.size - size > MAX_ROUND) {
      throw new FedunifyError('E_RUN_DAMAGED', `${file}: holds far more than the round behind the checkpoint`, ANEW)
    }
    const from = Math.max(0, size - TAIL)
    const bytes = Buffer.alloc(Math.max(0, info.size - from))
    await handle.read(bytes, 0, bytes.length, from)
    const lines = (text: string) => text.split('\n').slice(0, -1)
    return { before: lines(bytes.toString('utf8', 0, size - from)), after: lines(bytes.toString('utf8', size - from)) }
  } finally {
    await handle.close()
  }
}
