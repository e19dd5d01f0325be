import { z } from 'zod'
import { type Expectation, ExpectationsSchema } from '../../config/expectations.ts'
import { isMapping } from '../../config/mapping.ts'
import { describeProblem, first } from '../../config/problem.ts'
import { fileName } from '../../config/read.ts'
import { readYaml } from '../../config/source.ts'
import { assertWhen } from '../../config/when-keys.ts'
import { FedunifyError, nearest } from '../../errors.ts'
import { manifestFile } from '../../runs/manifest.ts'
import type { Manifest } from '../../runs/run-description.ts'

/** An expectation and the place where it is written. */
export interface WrittenExpectation {
  readonly expectation: Expectation
  /** In words: the file with the line, or with the key. */
  readonly from: string
  readonly file: string
  readonly line?: number
}

type Where = (path: readonly PropertyKey[]) => string

/**
 * The expectations of a YAML file (`-`: of standard input): a list of them, or a mapping that has one under `expect`, as an experiment file.
 * @throws FedunifyError (usage) naming file and line if there are none or one is wrong
 */
export async function readExpectations(file: string, signal?: AbortSignal): Promise<WrittenExpectation[]> {
  const { value, where } = await readYaml(file, { signal })
  const name = fileName(file)
  if (Array.isArray(value)) return parseExpectations(value, name, (path) => where(path.slice(1)))
  if (isMapping(value) && value.expect !== undefined) return parseExpectations(value.expect, name, where)
  const near = isMapping(value) ? nearest('expect', Object.keys(value)) : undefined
  const hint = near ? `is ${near} meant to be expect?` : EXPECT_HINT
  throw new FedunifyError('E_NO_EXPECTATIONS', `${name}: holds no expectations`, hint)
}

export const EXPECT_HINT = 'for example expect: [{ metric: unified, merge: avg, at: end, min: 0.78 }]'

/**
 * The expectations that a run's experiment had.
 * @throws FedunifyError (data) if the manifest holds what no experiment can
 */
export function expectationsOf(path: string, { config }: Manifest): WrittenExpectation[] {
  if (config.expect === undefined) return []
  const file = manifestFile(path)
  try {
    return parseExpectations(config.expect, file, (at) => `${file}: config.${at.join('.')}`)
  } catch (error) {
    if (!(error instanceof FedunifyError)) throw error
    throw new FedunifyError('E_RUN_DAMAGED', error.message, error.hint, { cause: error })
  }
}

function parseExpectations(list: unknown, file: string, where: Where): WrittenExpectation[] {
  const parsed = z.object({ expect: ExpectationsSchema }).safeParse({ expect: list }, { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), where)
  return parsed.data.expect.map((expectation, i) => {
    assertWhen(expectation, (key) => where(['expect', i, 'when', key]))
    const from = where(['expect', i])
    const line = Number(from.startsWith(`${file}:`) ? from.slice(file.length + 1) : undefined)
    return { expectation, from, file, ...(Number.isInteger(line) && { line }) }
  })
}
