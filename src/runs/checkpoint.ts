import { createHash } from 'node:crypto'
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
import type { Mark } from './write/growing-file.ts'

const FILE = 'checkpoint.safetensors'

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
  const { files, seconds, run, data } = rest
  const tensors = new Map<string, Tensor>()
  const put = (whose: string, weights: Weights) => {
    for (const [name, tensor] of weights) tensors.set(`${whose}/${name}`, tensor)
  }
  put('unified', unified)
  put('pooled', pooled ?? new Map())
  put('server', flatten(serverState))
  for (const [owner, state] of ownerStates) put(`owners/${owner}`, flatten(state))
  const told = { round: String(round), files: JSON.stringify(files), seconds: JSON.stringify(seconds) }
  return sealed(
    encodeSafetensors(tensors, {
      sha256: BLANK,
      ...told,
      ...(run !== undefined && { run }),
      ...(data !== undefined && { data }),
    }),
  )
}

export const checkpointFile = (dir: string): string => join(dir, FILE)

/**
 * The checkpoint of the run whose manifest that is; undefined if there is none.
 * @throws FedunifyError (data) if it is damaged, foreign, or that of another run
 */
export async function readOwnCheckpoint(dir: string, manifest: Manifest): Promise<SavedState | undefined> {
  // Checkpoints of before 0.4.0 have no digest; nor does a manifest of then have a format.
  const older = manifest.format === undefined
  const saved = await readCheckpoint(dir, older ? 'older' : undefined)
  if (!saved || older || saved.run === runIdentity(manifest)) return saved
  const why = 'it belongs to another run than manifest.json, or one of them was edited'
  throw new FedunifyError('E_RUN_DAMAGED', `${checkpointFile(dir)}: ${why}`, ANEW)
}

/**
 * The last complete round of a run folder, round 0 where none was completed; undefined where there is no checkpoint.
 * @param sealing `older` where there need be no digest
 * @throws FedunifyError (data) where the checkpoint is damaged or foreign
 */
export async function readCheckpoint(dir: string, sealing?: 'older'): Promise<SavedState | undefined> {
  const file = checkpointFile(dir)
  const bytes = await readIfThere(file)
  if (!bytes) return undefined
  const { seal } = parts(bytes)
  if (seal === undefined ? sealing !== 'older' : seal !== digestOf(bytes)) {
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

const ANEW = 'restore it from a copy, or start a new run in another folder'

/** Stands in the place of the digest while it is computed: it is one over the whole file. */
const BLANK = '0'.repeat(64)
const KEY = '"sha256":"'

/** Where the digest stands in a checkpoint, first of its metadata; nowhere in those of before 0.4.0. */
function parts(bytes: Uint8Array): { at: number; seal: string | undefined } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = file.indexOf(KEY) + KEY.length
  const seal = file.toString('latin1', at, at + BLANK.length)
  return at < KEY.length || !/^[\da-f]{64}$/.test(seal) ? { at: 0, seal: undefined } : { at, seal }
}

function digestOf(bytes: Uint8Array): string {
  const { at } = parts(bytes)
  const hash = createHash('sha256').update(bytes.subarray(0, at)).update(BLANK)
  return hash.update(bytes.subarray(at + BLANK.length)).digest('hex')
}

function sealed(bytes: Uint8Array): Uint8Array {
  Buffer.from(bytes.buffer, bytes.byteOffset).write(digestOf(bytes), parts(bytes).at, 'latin1')
  return bytes
}

const MarkSchema = z.object({ size: z.int().min(0), sha256: z.string().regex(/^[\da-f]{64}$/) })
const seconds = z.number().min(0)
const MetadataSchema = z.object({
  round: z.int().min(0),
  files: z.record(z.string(), MarkSchema),
  run: z.string().optional(),
  data: z.string().optional(),
  seconds: z.object({ total: seconds, train: seconds, merge: seconds, evaluate: seconds, write: seconds }),
})

function parseMetadata({ round, files, seconds, run, data }: Readonly<Record<string, string>>, file: string) {
  try {
    return MetadataSchema.parse({
      round: Number(round),
      files: JSON.parse(files!),
      seconds: JSON.parse(seconds!),
      run,
      data,
    })
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
