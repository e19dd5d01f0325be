import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { State } from '../../src/algorithm/algorithm.ts'
import type { Experiment } from '../../src/config/schema.ts'
import type { Evaluation, Progress, Trained } from '../../src/engine/engine.ts'
import type { Cohort, ModelRef, OwnerCard, OwnerProgress, RoundTask, Update } from '../../src/federation/cohort.ts'
import { type Traffic, TrafficCount } from '../../src/federation/traffic.ts'
import { withProgress } from '../../src/federation/with-progress.ts'
import { flatten } from '../../src/weights/named.ts'
import { decodeSafetensors, encodeSafetensors } from '../../src/weights/safetensors.ts'
import type { Weights } from '../../src/weights/weights.ts'
// JavaScript, because the owners' processes use it too.
import { frame, frames, grouped } from './frames.mjs'

const PROGRAM = fileURLToPath(new URL('./owner-process.mjs', import.meta.url))

type Answer = { head: Record<string, unknown>; body: Uint8Array }

/** An owner in a process of its own, which holds its shard and its state. */
class ProcessOwner {
  readonly card: Promise<OwnerCard>
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting = new Map<number, { done(answer: Answer): void; report?: (progress: Progress) => void }>()
  #asked = 0

  constructor(owner: number, experiment: Experiment) {
    this.#child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#listen()
    this.card = this.ask({ what: 'begin', owner, experiment }).then(({ head }) => head as unknown as OwnerCard)
  }

  /** Asks for something; a name for what it gives back beside counts is in the frame's body. */
  ask(head: object, body: Uint8Array = new Uint8Array(), report?: (progress: Progress) => void): Promise<Answer> {
    const id = ++this.#asked
    this.#child.stdin.write(frame({ id, ...head }, body))
    return new Promise((resolve, reject) => {
      const done = (answer: Answer) =>
        'error' in answer.head ? reject(new Error(String(answer.head.error))) : resolve(answer)
      this.#waiting.set(id, { done, ...(report && { report }) })
    })
  }

  close(): void {
    this.#child.kill()
  }

  async #listen(): Promise<void> {
    for await (const { head, body } of frames(this.#child.stdout)) {
      const { id, progress, ...rest } = head as { id: number; progress?: Progress }
      const waiting = this.#waiting.get(id)
      if (progress) waiting?.report?.(progress)
      else waiting?.done({ head: rest, body })
    }
  }
}

/** Owners in processes of their own, who are asked over pipes, in JSON and binary frames. */
export class ProcessCohort implements Cohort {
  readonly owners: readonly OwnerCard[]
  readonly #owners: readonly ProcessOwner[]
  readonly #traffic: TrafficCount
  /** Models that were published. */
  published = 0

  private constructor(owners: readonly ProcessOwner[], cards: readonly OwnerCard[]) {
    this.#owners = owners
    this.owners = cards
    this.#traffic = new TrafficCount(cards)
  }

  static async start(experiment: Experiment): Promise<ProcessCohort> {
    const owners = Array.from({ length: experiment.owners }, (_, i) => new ProcessOwner(i + 1, experiment))
    return new ProcessCohort(owners, await Promise.all(owners.map(({ card }) => card)))
  }

  async publish(model: Weights): Promise<ModelRef> {
    const id = ++this.published
    const bytes = encodeSafetensors(model)
    for (const i of this.#owners.keys()) this.#traffic.down(i, bytes.byteLength)
    await Promise.all(this.#owners.map((owner) => owner.ask({ what: 'model', model: id }, bytes)))
    return { id }
  }

  train({ round, lr, model, evaluate, evaluateReceived, instruct }: RoundTask): AsyncIterable<OwnerProgress | Update> {
    const task = { what: 'train', round, lr, model: model?.id, evaluate }
    const owners = this.#owners
    const cards = this.owners
    const traffic = this.#traffic
    return withProgress<OwnerProgress, Update>(async function* (report) {
      const answers = owners.map((owner, i) => {
        const { owner: number } = cards[i]!
        const tensors = flatten(instruct(number))
        const instruction = tensors.size > 0 ? encodeSafetensors(tensors) : new Uint8Array()
        traffic.down(i, instruction.byteLength)
        const asked = { ...task, evaluateReceived: evaluateReceived(number) }
        return owner.ask(asked, instruction, (progress) =>
          report({ type: 'owner-progress', round, owner: number, ...progress }),
        )
      })
      for (const [i, asked] of answers.entries()) {
        const answer = await asked
        traffic.up(i, answer.body.byteLength)
        yield updateOf(cards[i]!, answer)
      }
    })
  }

  async evaluate({ id }: ModelRef): Promise<ReadonlyMap<number, Evaluation>> {
    const scores = this.#owners.map(async (owner, i) => {
      const { head } = await owner.ask({ what: 'evaluate', model: id })
      return [this.owners[i]!.owner, evaluationOf(head.evaluation)] as const
    })
    return new Map(await Promise.all(scores))
  }

  /** Of frames' bodies; their heads are counts. */
  takeTraffic(): Traffic[] {
    return this.#traffic.take()
  }

  /** What these processes send is for tests alone, and told by nobody. */
  takeDisclosed = () => []

  /** They keep theirs. */
  states = () => new Map<number, State>()
  restore(): void {}

  async close(): Promise<void> {
    for (const owner of this.#owners) owner.close()
  }
}

function updateOf({ owner, trainImages }: OwnerCard, { head, body }: Answer): Update {
  const { weights, sent } = grouped(decodeSafetensors(body, 'an update').weights)
  const { trained, received } = head as { trained: Omit<Trained, 'weights'>; received?: unknown }
  const counts = { ...trained, local: trained.local && evaluationOf(trained.local) }
  const scored = received === undefined ? undefined : evaluationOf(received)
  return { type: 'update', owner, trainImages, ...counts, weights, sent, received: scored }
}

const evaluationOf = (plain: unknown): Evaluation => {
  const evaluation = plain as Omit<Evaluation, 'confusion'> & { confusion: number[] }
  return { ...evaluation, confusion: Uint32Array.from(evaluation.confusion) }
}
