import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  ERRORS,
  type ErrorCode,
  EXIT,
  FedunifyError,
  messageOf,
  nearest,
  systemCodeOf,
  unknownName,
} from '../src/errors.ts'
import { failedEvent } from '../src/federation/events.ts'

/** Programs rely on these: a code keeps its exit code, and none goes. */
const CODES: Readonly<Record<number, readonly string[]>> = {
  1: ['E_EXPECTATION_MISSED'],
  2: [
    'E_OPTION',
    'E_CONFIG',
    'E_CONFIG_FILE',
    'E_CONFIG_FORMAT',
    'E_UNKNOWN_NAME',
    'E_PART_NOT_CHOSEN',
    'E_CONFLICT',
    'E_SEVERAL_RUNS',
    'E_NO_EXPECTATIONS',
    'E_PARTITION',
    'E_MODEL',
    'E_RULE_FILE',
    'E_MERGE_RULE',
    'E_ENGINE',
    'E_ENGINE_UNAVAILABLE',
    'E_MEMORY',
    'E_FILE_LIMIT',
    'E_INSTALLATION',
    'E_DOCTOR_SETUP',
    'E_FILE_EXISTS',
    'E_FILE_UNWRITABLE',
    'E_POLICY',
    'E_RUN_EXISTS',
    'E_RUN_LOCKED',
    'E_RUN_DIFFERS',
    'E_FEDERATION_FOLDER',
    'E_FEDERATION_FORMAT',
    'E_BROKER',
    'E_BROKER_PROCESS',
  ],
  3: [
    'E_DISK_FULL',
    'E_FILE_MISSING',
    'E_FILE_UNREADABLE',
    'E_SYSTEM',
    'E_DATASET',
    'E_DATASET_MISSING',
    'E_DATASET_UNREACHABLE',
    'E_DATASET_TOO_LARGE',
    'E_DATA_FOLDER',
    'E_DOCTOR_DATA',
    'E_PARTITION_FAULT',
    'E_MODEL_FILE',
    'E_RUN_NOT_FOUND',
    'E_RUN_DAMAGED',
    'E_RUN_FORMAT',
    'E_RUN_FOREIGN',
    'E_LEDGER',
    'E_LEDGER_FORMAT',
    'E_REFERENCE',
    'E_CHECK_INCOMPLETE',
    'E_FEDERATION_DAMAGED',
    'E_PROTOCOL',
    'E_PAYLOAD',
    'E_TRACKING',
  ],
  4: [
    'E_DIVERGED',
    'E_OBJECTIVE',
    'E_OWNER_FAILED',
    'E_OWNER_REFUSED',
    'E_DEMO',
    'E_FENCED',
    'E_UPDATE',
    'E_OWNER_STATE',
    'E_MASKS_LOST',
    'E_MERGE_FAILED',
    'E_ENGINE_MEMORY',
    'E_ENGINE_FAILED',
    'E_BUG',
  ],
  130: ['E_INTERRUPTED', 'E_OUTPUT_CLOSED'],
}

describe('FedunifyError', () => {
  it('has a kind and an exit code by its code', () => {
    const codes = (['E_EXPECTATION_MISSED', 'E_OPTION', 'E_DATASET', 'E_DIVERGED', 'E_INTERRUPTED'] as const).map(
      (code) => new FedunifyError(code, 'why'),
    )
    expect(codes.map(({ exitCode }) => exitCode)).toEqual([1, 2, 3, 4, 130])
    expect(codes.map(({ kind }) => kind)).toEqual(['missed', 'usage', 'data', 'training', 'interrupted'])
    expect(codes[1]!.code).toBe('E_OPTION')
    expect(EXIT.ok).toBe(0)
  })

  it('keeps hint and cause', () => {
    const cause = new Error('below')
    expect(new FedunifyError('E_DATASET', 'why', 'do', { cause })).toMatchObject({ message: 'why', hint: 'do', cause })
    expect(new FedunifyError('E_DATASET', 'why').hint).toBeUndefined()
  })
})

describe('the codes', () => {
  const names = Object.keys(ERRORS) as ErrorCode[]

  it('keep their exit codes', () => {
    const pinned = Object.entries(CODES).flatMap(([exit, list]) => list.map((code) => [code, Number(exit)]))
    expect(names.map((code) => [code, new FedunifyError(code, 'why').exitCode])).toEqual(pinned)
  })

  it('are those of docs/errors.md, with exit code and meaning', async () => {
    const docs = await readFile('docs/errors.md', 'utf8')
    const rows = names.map((code) => `| \`${code}\` | ${EXIT[ERRORS[code].kind]} | ${ERRORS[code].meaning} |`)
    expect(docs.split('\n').filter((line) => line.startsWith('| `E_'))).toEqual(rows)
  })

  it('are all in use', async () => {
    const files = (await readdir('src', { recursive: true })).filter(
      (name) => /\.ts$/.test(name) && name !== 'errors.ts',
    )
    const text = (await Promise.all(files.map((name) => readFile(join('src', name), 'utf8')))).join('\n')
    expect(names.filter((code) => !new RegExp(`\\b${code}\\b`).test(text))).toEqual([])
  })
})

describe('failedEvent', () => {
  it('has the code, and what else is known as data', () => {
    const error = new FedunifyError('E_DIVERGED', 'why', 'do', { owner: 2, round: 3, tensor: 'conv1.weight' })
    expect(failedEvent(error)).toEqual({
      type: 'failed',
      code: 'E_DIVERGED',
      kind: 'training',
      message: 'why',
      hint: 'do',
      owner: 2,
      round: 3,
      tensor: 'conv1.weight',
    })
  })

  it('agrees with the exit code of what the system refused', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    expect(failedEvent(full)).toMatchObject({ code: 'E_DISK_FULL', kind: 'data' })
  })

  it('names a bug as such', () => {
    expect(failedEvent(new TypeError('x is not a function'))).toEqual({
      type: 'failed',
      code: 'E_BUG',
      kind: 'training',
      message: 'x is not a function',
    })
  })
})

describe('nearest', () => {
  it.each([
    ['avgg', ['avg', 'max'], 'avg'],
    ['AVG', ['avg', 'max'], 'avg'],
    ['h', ['V', 'H', 'labels'], 'H'],
    ['dirichet', ['V', 'H', 'dirichlet'], 'dirichlet'],
    ['optimiser', ['optimizer', 'out'], 'optimizer'],
    ['agv', ['avg', 'max'], 'avg'],
    ['rnu', ['run', 'report'], 'run'],
    ['lr-shcedule', ['lr', 'lr-schedule'], 'lr-schedule'],
    ['mix', ['avg', 'min', 'max'], 'min'],
    ['x', ['V', 'H'], undefined],
    ['median', ['avg', 'max'], undefined],
    ['', ['avg'], undefined],
    ['avg', [], undefined],
  ])('of %j among %j is %j', (got, legal, expected) => {
    expect(nearest(got, legal)).toBe(expected)
  })
})

describe('unknownName', () => {
  it('lists the legal names, and suggests one where one is near', () => {
    expect(unknownName('merge', 'avgg', ['avg', 'max'])).toMatchObject({
      code: 'E_UNKNOWN_NAME',
      kind: 'usage',
      message: 'unknown merge "avgg": expected one of avg, max',
      hint: 'did you mean avg?',
    })
    expect(unknownName('merge', 'median', ['avg', 'max']).hint).toBeUndefined()
  })
})

describe('what was thrown', () => {
  it('has a message, whatever it is', () => {
    expect(messageOf(new TypeError('why'))).toBe('why')
    expect(messageOf('text')).toBe('text')
    expect(messageOf(undefined)).toBe('undefined')
  })

  it('has a code where the system gave one', () => {
    expect(systemCodeOf(Object.assign(new Error('no'), { code: 'ENOENT' }))).toBe('ENOENT')
    expect(systemCodeOf(Object.assign(new Error('no'), { code: 3 }))).toBeUndefined()
    expect(systemCodeOf({ code: 'ENOENT' })).toBeUndefined()
    expect(systemCodeOf(new FedunifyError('E_FILE_MISSING', 'no'))).toBeUndefined()
  })
})
