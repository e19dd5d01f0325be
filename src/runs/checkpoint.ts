import { join } from 'node:path'
import { z } from 'zod'
import type { State } from '../algorithm/algorithm.ts'
import { FedunifyError } from '../errors.ts'
import type { OwnerStates } from '../federation/cohort.ts'
import { readIfThere } from '../system/files.ts'
import { flatten, unflatten } from '../weights/named.ts'
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts'
import type { Tensor, Weights } from '../weights/weights.ts'
import { type Manifest, runIdentity, type Seconds } from './run-description.ts'
import { CHECKPOINT } from './run-files.ts'
import { BLANK_SEAL, sealed, sealState } from './seal.ts'
import type { Mark } from './write/growing-file.ts'

/** What stands before its digest, which is first of its metadata. Those of before 0.4.0 have none. */
const SEAL_KEY = '"sha256":"'

/** All that a later process needs to go on after a round. Optimisers start every round anew, so they have no part. */
export interface SavedState {
  /** The last complete round; 0 if there is none: then there are no weights. */
  readonly round: number
  readonly unified: Weights
  readonly pooled: Weights | undefined
  /** What the server keeps for the next round. */
  readonly serverState: State
  /** What owners in the server's process keep. */
  readonly ownerStates: OwnerStates
  /** How far each growing file had come; before the first round there is none. */
  readonly files: Readonly<Record<string, Mark>>
  /** Seconds spent so far. */
  readonly seconds: Seconds
  /** Of which run it is: runIdentity of its manifest. Those of before 0.4.0 do not say. */
  readonly run?: string | undefined
  /** Of which it was, if it goes on with another number of rounds: until its manifest says so. */
  readonly before?: string | undefined
  /** The folder with the dataset, on the machine that wrote this: no other file of the run has it. */
  readonly data?: string | undefined
}

/**
 * Where a run begins. It has a checkpoint from the first moment, so that one that is missing is always one that was
 * lost: nothing else could tell a run killed in its first round from one whose rounds would be overwritten.
 */
export const NOTHING_DONE: SavedState = {
  round: 0,
  unified: new Map(),
  pooled: undefined,
  serverState: {},
  ownerStates: new Map(),
  files: {},
  seconds: { total: 0, train: 0, merge: 0, evaluate: 0, write: 0 },
}

/** One file for all of it, so that no kill can come between its parts: weights as tensors, the rest as metadata. */
export function encodeCheckpoint({
  round,
  unified,
  pooled,
  serverState,
  ownerStates,
  ...rest
}: SavedState): Uint8Array {
  const { files, seconds, run, before, data } = rest
  const tensors = new Map<string, Tensor>()
  const put = (whose: string, weights: Weights) => {
    for (const [name, tensor] of weights) tensors.set(`${whose}/${name}`, tensor)
  }
  put('unified', unified)
  put('pooled', pooled ?? new Map())
  put('server', flatten(serverState))
  for (const [owner, state] of ownerStates) put(`owners/${owner}`, flatten(state))
  const told = { round: String(round), files: JSON.stringify(files), seconds: JSON.stringify(seconds) }
  const whose = { ...(run !== undefined && { run }), ...(before !== undefined && { before }) }
  const metadata = { sha256: BLANK_SEAL, ...told, ...whose, ...(data !== undefined && { data }) }
  return sealed(encodeSafetensors(tensors, metadata), SEAL_KEY)
}

export const checkpointFile = (dir: string): string => join(dir, CHECKPOINT)

/**
 * The checkpoint of the run whose manifest that is; undefined if there is none.
 * @throws FedunifyError (data) if it is damaged, foreign, or that of another run
 */
export async function readOwnCheckpoint(dir: string, manifest: Manifest): Promise<SavedState | undefined> {
  // Checkpoints of before 0.4.0 have no digest; nor does a manifest of then have a format.
  const older = manifest.format === undefined
  const saved = await readCheckpoint(dir, older ? 'older' : undefined)
  if (!saved || older || [saved.run, saved.before].includes(runIdentity(manifest))) return saved
  const why = 'it belongs to another run than manifest.json, or one of them was edited'
  throw new FedunifyError('E_RUN_DAMAGED', `${checkpointFile(dir)}: ${why}`, ANEW)
}

/**
 * The last complete round of a run folder, round 0 if none was completed; undefined if there is no checkpoint.
 * @param sealing `older` if there need be no digest
 * @throws FedunifyError (data) if the checkpoint is damaged or foreign
 */
export async function readCheckpoint(dir: string, sealing?: 'older'): Promise<SavedState | undefined> {
  const file = checkpointFile(dir)
  const bytes = await readIfThere(file)
  if (!bytes) return undefined
  const state = sealState(bytes, SEAL_KEY)
  if (state === 'none' ? sealing !== 'older' : state === 'broken') {
    const why = 'it was damaged, edited or cut short'
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: ${why} since the run wrote it`, ANEW)
  }
  const { weights, metadata } = decodeSafetensors(bytes, file)
  const pooled = startingWith('pooled/', weights)
  return {
    ...parseMetadata(metadata, file),
    unified: startingWith('unified/', weights),
    pooled: pooled.size > 0 ? pooled : undefined,
    serverState: unflatten(startingWith('server/', weights)),
    ownerStates: statesIn(startingWith('owners/', weights)),
  }
}

/** What to do if it is lost or wrong. */
export const ANEW = 'restore it from a copy, or start a new run in another folder'

const MarkSchema = z.object({ size: z.int().min(0), sha256: z.string().regex(/^[\da-f]{64}$/) })
const seconds = z.number().min(0)
const MetadataSchema = z.object({
  round: z.int().min(0),
  files: z.record(z.string(), MarkSchema),
  run: z.string().optional(),
  before: z.string().optional(),
  data: z.string().optional(),
  seconds: z.object({ total: seconds, train: seconds, merge: seconds, evaluate: seconds, write: seconds }),
})

function parseMetadata({ round, files, seconds, ...whose }: Readonly<Record<string, string>>, file: string) {
  try {
    const [marks, spent] = [JSON.parse(files!), JSON.parse(seconds!)]
    return MetadataSchema.parse({ round: Number(round), files: marks, seconds: spent, ...whose })
  } catch {
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: not a checkpoint of fedunify`, ANEW)
  }
}

function startingWith(prefix: string, weights: Weights): Weights {
  const entries = [...weights].filter(([name]) => name.startsWith(prefix))
  return new Map(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
}

/** States whose tensors are named `<owner>/<name>/<tensor>`. */
function statesIn(weights: Weights): OwnerStates {
  const states = new Map<number, Record<string, Weights>>()
  for (const [path, model] of Object.entries(unflatten(weights))) {
    const [owner, ...name] = path.split('/')
    const state = states.get(Number(owner)) ?? {}
    states.set(Number(owner), state)
    state[name.join('/')] = model
  }
  return states
}
