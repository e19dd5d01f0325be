import { availableParallelism } from 'node:os'
import { Hasher } from '../system/hasher.ts'
import { BLOCK_BYTES, Intake } from './intake.ts'
import { type MergeJob, modelsOf } from './job.ts'
import { Merger } from './merger.ts'
import { listed } from './model/alike.ts'
import type { Model } from './model/model.ts'
import type { Digests } from './output/card.ts'
import type { Output } from './output/output.ts'
import { bytesIn, type Piece, piecesOf, type Reach } from './pieces.ts'

export interface StreamOptions {
  readonly signal: AbortSignal
  /** Is told how many bytes of how many were read. */
  progress(done: number, total: number): void
}

/**
 * Reads the models piece by piece, writes what becomes of each, and meanwhile reads the next.
 * @returns the digests of all files
 * @throws FedunifyError; the signal's reason if it was aborted
 */
export async function streamMerge(
  job: MergeJob,
  reach: Reach,
  output: Output,
  options: StreamOptions,
): Promise<Digests> {
  const models = modelsOf(job)
  const hashers = models.slice(0, availableParallelism()).map(() => new Hasher())
  try {
    const pieces = piecesOf(job.models[0]!, reach)
    const largest = pieces.reduce((most, piece) => Math.max(most, bytesIn(piece)), 0)
    const intake = new Intake(reach === 'model' ? undefined : largest, options.signal)
    for (const [i, { files }] of models.entries()) {
      for (const file of files) await intake.begin(file, hashers[i % hashers.length]!)
    }
    await assertCopied(job.models, intake)
    await mergePieces(job, pieces, { intake, output, ...options })
    const files = models.flatMap((model) => model.files)
    return new Map(
      await Promise.all(
        files.map(async (file) => {
          const digest = await intake.sha256(file)
          await file.assertUnchanged()
          return [file, digest] as const
        }),
      ),
    )
  } finally {
    await Promise.all(hashers.map((hasher) => hasher.close()))
  }
}

/** Memory of each model, the base last, that begins with the bytes of each slice. */
type Read = readonly (readonly SharedArrayBuffer[])[]

async function mergePieces(
  job: MergeJob,
  pieces: readonly Piece[],
  { intake, output, signal, progress }: StreamOptions & { readonly intake: Intake; readonly output: Output },
): Promise<void> {
  const models = modelsOf(job)
  const merger = new Merger(job)
  const total = pieces.reduce((sum, piece) => sum + bytesIn(piece) * models.length, 0)
  let done = 0
  const read = (piece: Piece): Promise<Read> => {
    const reading = Promise.all(models.map((model) => readPiece(model, piece, intake)))
    // It is waited for later, or not at all if something else goes wrong first.
    reading.catch(() => {})
    return reading
  }
  let next: Promise<Read> | undefined
  let writing = Promise.resolve()
  try {
    for (const [i, piece] of pieces.entries()) {
      signal.throwIfAborted()
      const given = await (next ?? read(piece))
      const following = pieces[i + 1]
      // What is larger is read in its turn, so that there is one tensor of each model in memory, and not two.
      next = following && bytesIn(following) <= BLOCK_BYTES ? read(following) : undefined
      const merged = piece.kind === 'copy' ? [] : merger.merge(piece, given)
      await writing
      writing = write(output, piece, given, merged).then(() => merger.release(merged))
      writing.catch(() => {})
      // What is copied is written from the memory that was read.
      if (piece.kind === 'copy') await writing
      release(models, piece, given, intake)
      done += bytesIn(piece) * models.length
      progress(done, total)
    }
  } finally {
    // No file is closed while somebody reads or writes it.
    await Promise.allSettled([next, writing])
  }
  await writing
}

const readPiece = (model: Model, { slices }: Piece, intake: Intake): Promise<SharedArrayBuffer[]> =>
  Promise.all(
    slices.map(({ name, from, to }) => {
      const tensor = model.tensors.get(name)!
      return intake.read(tensor.file, tensor.from + from, tensor.from + to)
    }),
  )

function release(models: readonly Model[], { slices }: Piece, read: Read, intake: Intake): void {
  for (const [k, model] of models.entries()) {
    for (const [i, { name, from, to }] of slices.entries()) {
      const tensor = model.tensors.get(name)!
      intake.release(tensor.file, tensor.from + from, tensor.from + to, read[k]![i]!)
    }
  }
}

async function write(
  output: Output,
  { kind, slices }: Piece,
  read: Read,
  merged: ReturnType<Merger['merge']>,
): Promise<void> {
  if (kind === 'merge') for (const { name, from, bytes } of merged) await output.write(name, from, bytes)
  else {
    for (const [i, { name, from, to }] of slices.entries()) {
      await output.write(name, from, new Uint8Array(read[0]![i]!, 0, to - from))
    }
  }
}

/** Tensors that are no floats are not merged: all models must have the same values. */
async function assertCopied(models: readonly Model[], intake: Intake): Promise<void> {
  const [first, ...others] = models
  const differing: string[] = []
  for (const piece of piecesOf(first!, 'block').filter(({ kind }) => kind === 'copy')) {
    const [{ name, from, to }] = piece.slices as [Piece['slices'][number]]
    if (differing.includes(name)) continue
    const read = await Promise.all(models.map((model) => readPiece(model, piece, intake)))
    const same = others.every((_, k) =>
      Buffer.from(read[0]![0]!, 0, to - from).equals(Buffer.from(read[k + 1]![0]!, 0, to - from)),
    )
    if (!same) differing.push(name)
    release(models, piece, read, intake)
  }
  if (differing.length === 0) return
  const types = differing.map((name) => `${name} (${first!.tensors.get(name)!.dtype})`)
  throw listed('only float32, float16 and bfloat16 can be merged, and these are not the same in all models', types)
}
