import { isDeepStrictEqual } from 'node:util'
import { expand } from '../../config/expand.ts'
import { configHash } from '../../config/hash.ts'
import type { Experiment } from '../../config/schema.ts'
import { fileSource } from '../../config/source.ts'
import { FedunifyError } from '../../errors.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { isPlainFile } from '../../system/files.ts'
import { expectationsOf, readExpectations, type WrittenExpectation } from './expectations.ts'

/** What is expected of a run, and by which words it was decided. */
export interface Expected {
  readonly expectations: readonly WrittenExpectation[]
  readonly note?: string
}

/** An experiment file as it stands now. */
interface Current {
  readonly keys: ReadonlySet<string>
  /** Undefined if it expects nothing. */
  readonly expectations: readonly WrittenExpectation[] | undefined
}

/**
 * What makes two runs the same experiment, without running the code of merge rules of the user's own: these go by name.
 */
export const experimentKey = (experiment: Experiment): string =>
  configHash({ ...experiment, merge: JSON.parse(JSON.stringify(experiment.merge)) })

/** Decides by what runs are judged that nothing else was named for; each file is read once. */
export class CurrentFiles {
  readonly #read = new Map<string, Promise<Current | undefined>>()
  readonly #signal: AbortSignal | undefined

  constructor(signal?: AbortSignal) {
    this.#signal = signal
  }

  /**
   * The expectations of a run's experiment file as it stands now, if it is here and still describes the run; else those
   * that the run kept when it started.
   * @throws FedunifyError (usage) if the file is there and wrong; (data) if the manifest holds what no experiment
   *   can
   */
  async expectedOf(run: LoadedRun): Promise<Expected> {
    const kept = expectationsOf(run.path, run.manifest)
    const { experiment_file: file } = run.manifest
    const byRun = (why: string): Expected => ({
      expectations: kept,
      ...(kept.length > 0 && { note: `judged by the expectations that the run kept when it started: ${why}` }),
    })
    if (file === undefined) return byRun('it names no experiment file')
    const current = await this.#currentOf(file)
    if (!current) return byRun(`${file} is not here`)
    if (!current.keys.has(experimentKey(run.manifest.config))) return byRun(`${file} describes other runs now`)
    if (!current.expectations) return byRun(`${file} expects nothing now`)
    const plain = (list: readonly WrittenExpectation[]) => list.map(({ expectation }) => expectation)
    const same = isDeepStrictEqual(plain(kept), plain(current.expectations))
    const note = `the expectations of ${file} changed since the run: judged by the file as it stands now`
    return { expectations: current.expectations, ...(!same && { note }) }
  }

  #currentOf(file: string): Promise<Current | undefined> {
    const reading = this.#read.get(file) ?? this.#readFile(file)
    this.#read.set(file, reading)
    return reading
  }

  async #readFile(file: string): Promise<Current | undefined> {
    // A name in a manifest may lead to a pipe.
    if (!(await isPlainFile(file))) return undefined
    const signal = this.#signal
    const planned = await expand(await fileSource(file, { signal }), file, [], { load: false })
    const keys = new Set(planned.map(({ experiment }) => experimentKey(experiment)))
    try {
      return { keys, expectations: await readExpectations(file, signal) }
    } catch (error) {
      if (!(error instanceof FedunifyError) || error.code !== 'E_NO_EXPECTATIONS') throw error
      return { keys, expectations: undefined }
    }
  }
}
