import type { AccuracyExpectation, Expectation } from '../../config/expectations.ts'
import { FedunifyError } from '../../errors.ts'
import type { Reference } from '../demand.ts'
import type { WrittenExpectation } from '../expected/expectations.ts'
import { failure, origin } from '../failures.ts'
import type { Outcome } from '../outcome.ts'
import { readReference } from './read-reference.ts'

/** Whether an expectation is one of an accuracy. */
export const isAccuracy = (expectation: Expectation): expectation is AccuracyExpectation => 'at' in expectation

/** Reference tables, each read once. */
export class References {
  readonly #read = new Map<string, Promise<Reference>>()

  /**
   * Evaluates an expectation with the reference that it names, if it names one.
   * @param path of the run, or of what stands for several
   * @returns what `evaluate` gives, or that the reference cannot be read
   */
  async with(
    written: WrittenExpectation,
    path: string,
    evaluate: (reference: Reference | undefined) => Outcome[],
  ): Promise<Outcome[]> {
    const { expectation, file } = written
    const named = isAccuracy(expectation) ? expectation['max-drop-from'] : undefined
    try {
      const reference = named === undefined ? undefined : await this.#get(named, expectation, file)
      return evaluate(reference).map((outcome) => ({ ...outcome, ...origin(written) }))
    } catch (error) {
      if (!(error instanceof FedunifyError)) throw error
      const subject = `${expectation.metric} against a reference`
      return [{ ...failure(subject, 'a reference', error, named ?? path), ...origin(written) }]
    }
  }

  #get(named: string, { metric }: Expectation, file: string): Promise<Reference> {
    const key = JSON.stringify([named, metric, file])
    const reading = this.#read.get(key) ?? readReference(named, metric as AccuracyExpectation['metric'], file)
    this.#read.set(key, reading)
    return reading
  }
}
