import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { CONFIG_FORMAT } from '../src/config/config-format.ts'
import { FedunifyError } from '../src/errors.ts'
import { failedEvent, type RunEvent } from '../src/federation/events.ts'
import { ANALYSIS_FORMAT } from '../src/runs/analysis.ts'
import { DISCLOSURE_FORMAT } from '../src/runs/disclosure.ts'
import { RUN_FORMAT } from '../src/runs/manifest.ts'
import { EVENT_FORMAT, plainEvent } from '../src/runs/plain-event.ts'
import { TABLES } from '../src/runs/tables.ts'
import { fedunify } from './support/command-line.ts'
import { ownerTrained, roundFinished, started } from './support/events.ts'
import { workshop } from './support/experiment.ts'
import { evaluation } from './support/fake-owner.ts'
import { writeRun } from './support/invented-run.ts'

const DOCS = readFileSync('docs/formats.md', 'utf8')

/** Mappings whose keys are names of something else: of tensors, of keys of an experiment, of files. */
const NAMED = ['drift', 'settings', 'config', 'sha256', 'files']

/** Names of fields at any depth. */
function fields(value: unknown, within = ''): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap((one) => fields(one))
  if (NAMED.includes(within)) return []
  return Object.entries(value).flatMap(([key, inner]) => [key, ...fields(inner, key)])
}

/** Fields in snake_case, each of which the docs name. */
function expectDescribed(value: unknown): void {
  for (const field of new Set(fields(value))) {
    expect(field).toMatch(/^[a-z\d]+(_[a-z\d]+)*$/)
    expect(DOCS, field).toContain(`\`${field}\``)
  }
}

const BASELINE = { ...ownerTrained(1, 0, evaluation(1, 10)), weights: new Map() }
const EVENTS: readonly RunEvent[] = [
  started(),
  { type: 'owner-progress', round: 1, owner: 1, epoch: 1, epochs: 2, images: 64, total: 128, loss: 0.5 },
  ownerTrained(1, 1, evaluation(1, 10)),
  roundFinished(1, [1, 2], { avg: 3 }, { drift: { 'Conv1.kernelWeight': 0.5 }, baseline: BASELINE }),
  { type: 'finished', rounds: 1, reason: 'rounds', seconds: 1 },
  failedEvent(new FedunifyError('E_DIVERGED', 'why', 'do', { owner: 1, round: 2, tensor: 'a' })),
]

describe('an event as JSON', () => {
  it.each(EVENTS.map((event) => [event.type, event] as const))(
    '%s has fields that docs/formats.md names',
    (_, event) => {
      const plain = plainEvent(event)
      expectDescribed(plain)
      expect(DOCS).toContain(`| \`${event.type}\` |`)
      expect(Object.keys(plain)[0]).toBe('type')
      expect(JSON.stringify(plain)).not.toContain('"weights"')
    },
  )

  it('keeps the names of tensors, and has counts as lists', () => {
    const plain = JSON.parse(JSON.stringify(plainEvent(EVENTS[3]!)))
    expect(plain.drift).toEqual({ 'Conv1.kernelWeight': 0.5 })
    expect(plain.locals[0]).toMatchObject({ type: 'owner-trained', train_images: 60 })
    expect(plain.merges[0].unified).toMatchObject({ loss_sum: expect.any(Number), confusion: expect.any(Array) })
  })

  it('says the format where it may be the first', () => {
    const formats = EVENTS.map((event) => [event.type, (plainEvent(event) as { format?: number }).format])
    expect(formats.filter(([, format]) => format !== undefined)).toEqual([
      ['started', EVENT_FORMAT],
      ['failed', EVENT_FORMAT],
    ])
  })
})

describe('docs/formats.md', () => {
  const numberOf = (what: string) =>
    Number(
      DOCS.split('\n')
        .find((line) => line.includes(what))!
        .split('|')[2],
    )
  const { folder } = workshop()
  const run = join(folder, 'run')
  writeRun(run, { config: { rounds: 3, expect: [{ metric: 'participants', 'each-round': 2 }] } })
  const manifest = JSON.parse(readFileSync(join(run, 'manifest.json'), 'utf8'))
  const federation = join(folder, 'fed')
  beforeAll(async () => void (await fedunify(['federation', 'init', federation, '--owners', 'alice,bob'])))

  it('has the numbers that files have', () => {
    expect(numberOf('](#experiment-file)')).toBe(CONFIG_FORMAT)
    expect(numberOf('](#events)')).toBe(EVENT_FORMAT)
    expect(numberOf('](#disclosurejsonl)')).toBe(DISCLOSURE_FORMAT)
    expect(numberOf('](#manifestjson)')).toBe(RUN_FORMAT)
    expect(numberOf('](#explainjson-remergejson-auditjson)')).toBe(ANALYSIS_FORMAT)
  })

  it('names every field of the folders of a federation', () => {
    for (const party of ['ca', 'server', join('owners', 'alice')]) {
      const file = JSON.parse(readFileSync(join(federation, party, 'federation.json'), 'utf8'))
      expect(file.format).toBe(numberOf('](#federationjson)'))
      expectDescribed(file)
    }
    const owners = JSON.parse(readFileSync(join(federation, 'owners', 'alice', 'owners.json'), 'utf8'))
    expect(owners.format).toBe(numberOf('](#ownersjson)'))
    expectDescribed(owners)
  })

  it('names every field of a manifest and every column of a table', () => {
    expectDescribed({ ...manifest, manifest_sha256: '', experiment_file: '' })
    for (const { columns } of TABLES) {
      for (const column of columns(started()))
        if (column !== 'avg' && column !== 'local_2') expectDescribed({ [column]: 0 })
    }
  })

  it.each([
    ['check --reporter json', ['check', run, '--reporter', 'json']],
    ['verify --json', ['verify', run, '--json']],
    ['compare --format json', ['compare', run, run, '--format', 'json']],
    ['ls --format json', ['ls', run, '--format', 'json']],
    ['show --format json', ['show', run, '--format', 'json']],
    ['config show --json', ['config', 'show', '--json']],
    ['config show --json', ['config', 'show', 'experiments/table3.yaml', '--json']],
    ['doctor --json', ['doctor', '--data', folder, '--out', folder, '--json']],
    ['federation show --json', ['federation', 'show', '--federation', federation, '--json']],
  ])('%s has that format, and no other fields', async (name, args) => {
    const json = JSON.parse((await fedunify(args)).out)
    expect(Object.keys(json)[0]).toBe('format')
    expect(json.format).toBe(numberOf(`[\`${name}\`]`))
    expectDescribed(json)
  })
})

const NOTE =
  'fedunify 0.3.0 kept no hashes with this run: edits of its files that agree with each other would not be seen'

describe('runs of earlier formats', () => {
  const { folder } = workshop()

  it.each([
    ['checked', ['check', 'results/reference/table3', '--expect', 'experiments/table3.yaml'], ''],
    ['compared', ['compare', 'results/reference/table3', 'paper'], ''],
    ['verified', ['verify', 'results/reference/table3'], ''],
    ['shown', ['show', 'results/reference/table3/s0-bc9c08f0'], `note: ${NOTE.replace('0.3.0', '0.1.0')}\n`],
    // The page goes to a file: what its hashes do not cover is said beside.
    ['reported', ['report', 'test/earlier/0.3.0', '--out', join(folder, 'report.html')], `note: ${NOTE}\n`],
  ])('are %s, with a note of what their hashes do not cover', async (_, args, err) => {
    const done = await fedunify(args)
    expect(done).toMatchObject({ code: 0, err })
    expect(done.out + done.err).toMatch(/note: .*kept no hashes with this run/)
  })

  it.each([['listed', ['ls', 'results/reference']]])('are %s', async (_, args) => {
    expect(await fedunify(args)).toMatchObject({ code: 0, err: '' })
  })
})
