import { join } from 'node:path'
import type { Audited, AuditRow } from '../audit/audit-run.ts'
import { AUDITED } from '../audit/plain.ts'
import type { AttackExpectation } from '../config/expectations.ts'
import { FedunifyError, nearest } from '../errors.ts'
import { significant } from '../format.ts'
import { readAnalysis } from '../runs/analysis.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { failure } from './failures.ts'
import type { Outcome } from './outcome.ts'

const FILE = 'audit.json'

type Run = Pick<LoadedRun, 'path' | 'manifest'>

/**
 * Checks what an attack came to, by the audit of the run: an outcome for each model or update that it was made on. Without
 * an audit, or without that attack in it, there is nothing to compare, and nothing is met.
 */
export async function checkAttack(expectation: AttackExpectation, { path, manifest }: Run): Promise<Outcome[]> {
  const file = join(path, FILE)
  try {
    const audited = await readAnalysis(path, FILE, manifest, AUDITED)
    if (!audited)
      throw new FedunifyError('E_FILE_MISSING', 'the run was not audited', `run fedunify audit ${path} first`)
    return rowsFor(expectation, audited, path).map((row) => outcomeOf(expectation, row, file))
  } catch (error) {
    if (!(error instanceof FedunifyError) || error.kind !== 'data') throw error
    return [failure(subjectOf(expectation), expectedOf(expectation), error, file)]
  }
}

const subjectOf = ({ attack, measure }: AttackExpectation) => `attack ${attack}, ${measure}`

function expectedOf({ min, max }: AttackExpectation): string {
  const least = min === undefined ? [] : [`at least ${min}`]
  return [...least, ...(max === undefined ? [] : [`at most ${max}`])].join(' and ')
}

/** @throws FedunifyError (data) if the audit has no such figure */
function rowsFor({ attack, measure }: AttackExpectation, { rows, notMade }: Audited, path: string): AuditRow[] {
  const refuse = (why: string, hint?: string) => new FedunifyError('E_RUN_NOT_FOUND', why, hint)
  const not = notMade.find(({ name }) => name === attack)
  if (not) throw refuse(`the attack was not made: ${not.reason}`)
  const made = rows.filter(({ name }) => name === attack)
  const again = `run fedunify audit ${path} --attack ${attack}`
  if (made.length === 0)
    throw refuse(
      `the audit has no ${attack}`,
      meant(
        attack,
        rows.map(({ name }) => name),
      ) ?? again,
    )
  const measured = made.filter(({ measures }) => measures.some(({ name }) => name === measure))
  if (measured.length > 0) return measured
  const names = [...new Set(made.flatMap(({ measures }) => measures.map(({ name }) => name)))]
  throw refuse(`the attack has no ${measure}, only ${names.join(', ')}`, meant(measure, names))
}

function meant(got: string, legal: readonly string[]): string | undefined {
  const near = nearest(got, legal)
  return near && `is ${near} meant?`
}

function outcomeOf(expectation: AttackExpectation, { of, by, round, measures }: AuditRow, file: string): Outcome {
  const { min, max, measure } = expectation
  const { value, guess } = measures.find(({ name }) => name === measure)!
  const met = value >= (min ?? value) && value <= (max ?? value)
  const than = guess === undefined ? '' : `, a guess has ${figure(guess)}`
  const limit = max !== undefined && value > max ? max : (min ?? max)
  return {
    status: met ? 'met' : 'missed',
    subject: subjectOf(expectation),
    expected: expectedOf(expectation),
    got: `${figure(value)} on ${of}, by the ${by}${than}`,
    ...{ file, value, round },
    ...(limit !== undefined && { limit }),
  }
}

const figure = (value: number): string => significant(value, 6)
