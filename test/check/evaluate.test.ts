import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkRuns } from '../../src/check/check-runs.ts'
import type { Outcome } from '../../src/check/outcome.ts'
import { temporaryFolder } from '../support/folder.ts'
import { edit, type FakeRun, TEST_LABELS, TRAIN_LABELS, writeRun } from '../support/written-run.ts'

/** What one expectation comes to, in a run written for it. */
async function outcomes(
  expectation: object,
  run: FakeRun = {},
  prepare?: (folder: string) => void,
): Promise<Outcome[]> {
  const folder = temporaryFolder()
  const path = writeRun(join(folder, 'run'), { ...run, expect: [expectation] })
  prepare?.(folder)
  const [report] = await checkRuns([path])
  return report!.outcomes.slice(1)
}

const POOLED = { avg: [0.5, 0.75, 0.7], max: [0.1, 0.2, 0.3], pooled: [0.8, 0.765, 0.78] }

describe('accuracy', () => {
  it.each<[object, string, string]>([
    [{ metric: 'unified', merge: 'avg', at: 2, min: 0.75 }, 'met', '75.00 % in round 2'],
    [{ metric: 'unified', merge: 'avg', min: 0.7 }, 'met', '70.00 % in round 3'],
    [{ metric: 'unified', merge: 'avg', at: 'best', min: 0.75 }, 'met', '75.00 % in round 2'],
    [{ metric: 'unified', merge: 'avg', min: 0.7000001 }, 'missed', '70.00 % in round 3'],
    [{ metric: 'unified', merge: 'avg', at: 1, max: 0.4 }, 'missed', '50.00 % in round 1'],
    [{ metric: 'unified', merge: 'pooled', min: 0.78 }, 'met', '78.00 % in round 3'],
    [{ metric: 'unified', merge: 'absmax', min: 0 }, 'missed', 'nothing: there is no absmax, only avg, max, pooled'],
    [{ metric: 'unified', merge: 'avg', at: 4, min: 0 }, 'missed', 'nothing: the rounds are 1 to 3'],
    [{ metric: 'local', owner: 3, min: 0 }, 'missed', 'nothing: there is no owner 3, only owner 1, owner 2'],
    [
      { metric: 'unified', merge: 'avg', at: 2, 'max-gap-to': 'pooled', points: 1.5 },
      'met',
      '75.00 % in round 2, 1.50 below 76.50 of pooled (line 7)',
    ],
    [
      { metric: 'unified', merge: 'avg', at: 'end', 'max-gap-to': 'pooled', points: 7.99 },
      'missed',
      '70.00 % in round 3, 8.00 below 78.00 of pooled (line 10)',
    ],
  ])('%j is %s', async (expectation, status, got) => {
    expect(await outcomes(expectation, { unified: POOLED })).toMatchObject([{ status, got }])
  })

  it('shows the digits that tell a figure from the limit that it missed', async () => {
    const [outcome] = await outcomes({ metric: 'unified', min: 0.7868 }, { unified: { avg: [0.1, 0.2, 0.786799] } })
    expect(outcome).toMatchObject({ status: 'missed', expected: 'at least 78.68 %', got: '78.6799 % in round 3' })
  })

  it('is of every merge rule or owner where none is named, and of both demands', async () => {
    const all = await outcomes({ metric: 'unified', min: 0.5, 'max-gap-to': 'pooled', points: 9 }, { unified: POOLED })
    expect(all.map(({ subject, status }) => [subject, status])).toEqual([
      ['unified avg at end', 'met'],
      ['unified avg at end', 'met'],
      ['unified max at end', 'missed'],
      ['unified max at end', 'missed'],
    ])
    expect(await outcomes({ metric: 'local', at: 1, min: 0.93 })).toMatchObject([
      { subject: 'local owner 1 at round 1', status: 'missed', line: 2 },
      { subject: 'local owner 2 at round 1', status: 'met', line: 3 },
    ])
  })

  it('misses a gap where there is no baseline', async () => {
    const [outcome] = await outcomes({ metric: 'unified', 'max-gap-to': 'pooled', points: 99 })
    expect(outcome).toMatchObject({ status: 'missed' })
    expect(outcome!.got).toContain('no pooled row')
  })

  it('takes the best so far of an unfinished run, and nothing of a run without a round', async () => {
    const unfinished = { status: 'running', rounds: 9 } as const
    expect(await outcomes({ metric: 'unified', at: 'best', min: 0.75 }, unfinished)).toMatchObject([{ status: 'met' }])
    const none = { ...unfinished, unified: { avg: [] }, local: [[], []] }
    expect(await outcomes({ metric: 'unified', at: 'best', min: 0 }, none)).toMatchObject([
      { status: 'missed', got: 'nothing: no round is complete' },
    ])
    expect(await outcomes({ metric: 'participants', 'each-round': 2 }, none)).toMatchObject([{ status: 'missed' }])
  })

  it('leaves out the round that a killed run was about to write', async () => {
    const killed = { status: 'running', rounds: 9 } as const
    const torn = (folder: string) => {
      edit(join(folder, 'run', 'local.csv'), /\n3,2.*\n/, '\n')
      edit(join(folder, 'run', 'manifest.json'), '"rounds": 3', '"rounds": 2')
    }
    const [outcome] = await outcomes({ metric: 'unified', at: 3, min: 0 }, killed, torn)
    expect(outcome).toMatchObject({ status: 'missed', got: 'nothing: the rounds are 1 to 2' })
  })
})

describe('a reference', () => {
  const drop = (named: string, points: number, more: object = {}) => ({
    metric: 'unified',
    merge: 'avg',
    'max-drop-from': named,
    points,
    ...more,
  })
  /** Beside the run folder, so that a path from the manifest reaches it. */
  const reference = (text: string) => (folder: string) => {
    mkdirSync(join(folder, 'reference-beside-it'))
    writeFileSync(join(folder, 'reference-beside-it', 'unified.csv'), text)
  }
  const FIVE = 'round,merge,accuracy\n1,avg,0.4\n2,avg,0.9\n5,avg,0.715\n5,max,0.2\n'

  it.each<[object, string, string]>([
    [drop('../reference-beside-it/unified.csv', 1.5), 'met', '1.50 below 71.50 of the reference (line 4)'],
    [drop('../reference-beside-it', 1.49), 'missed', '1.50 below 71.50 of the reference (line 4)'],
    [drop('../reference-beside-it', 0, { at: 1 }), 'met', '10.00 above 40.00 of the reference (line 2)'],
    [drop('../reference-beside-it', 15, { at: 'best' }), 'met', '15.00 below 90.00 of the reference (line 3)'],
    [drop('../reference-beside-it', 99, { at: 3 }), 'missed', 'has no avg there'],
  ])('%j is %s', async (expectation, status, got) => {
    const [outcome] = await outcomes(expectation, {}, reference(FIVE))
    expect(outcome).toMatchObject({ status, file: expect.stringMatching(/run.unified\.csv$/) })
    expect(outcome!.got).toContain(got)
  })

  it.each([
    ['other columns', 'epoch,avg\n1,76.13\n', 'has no column round, merge, accuracy'],
    ['percent', FIVE.replace('0.4', '40'), 'unified.csv:2: accuracy is 40, not a fraction'],
    ['no rows', 'round,merge,accuracy\n', 'holds no round'],
    ['no accuracy, which no owner has told', 'round,merge,accuracy\n1,avg,\n', 'holds no accuracy'],
    ['a torn row', FIVE.slice(0, -5), 'unified.csv'],
  ])('with %s is an error', async (_, text, message) => {
    const [outcome] = await outcomes(drop('../reference-beside-it', 99), {}, reference(text))
    expect(outcome!.status).toBe('error')
    expect(outcome!.got).toContain(message)
  })

  it('may have rounds of which no owner has told an accuracy', async () => {
    const text = 'round,merge,accuracy\n1,avg,0.4\n2,avg,\n3,avg,0.71\n'
    const [end] = await outcomes(drop('../reference-beside-it', 1), {}, reference(text))
    expect(end).toMatchObject({ status: 'met', got: expect.stringContaining('of the reference (line 4)') })
    const [untold] = await outcomes(drop('../reference-beside-it', 1, { at: 2 }), {}, reference(text))
    expect(untold).toMatchObject({ status: 'missed', got: expect.stringContaining('has no avg there') })
  })

  it('that is not there is an error, one without the series a miss', async () => {
    const [lost] = await outcomes(drop('../nowhere.csv', 99))
    expect(lost).toMatchObject({ status: 'error', got: expect.stringContaining('no such file') })
    const [other] = await outcomes(
      drop('../reference-beside-it', 99),
      {},
      reference('round,merge,accuracy\n1,max,0.1\n'),
    )
    expect(other).toMatchObject({ status: 'missed', got: expect.stringContaining('has no avg at all') })
  })

  it('of local accuracies is a local.csv, found from the expectations file', async () => {
    const folder = temporaryFolder()
    const run = writeRun(join(folder, 'run'))
    writeRun(join(folder, 'gates', 'ref'), { local: [[0.925], [0.99]], unified: { avg: [0.1] } })
    const file = join(folder, 'gates', 'gate.yaml')
    writeFileSync(file, '- { metric: local, max-drop-from: ref, points: 1 }\n')
    const [report] = await checkRuns([run], file)
    expect(report!.outcomes.map(({ status }) => status)).toEqual(['met', 'met', 'missed'])
  })
})

describe('participants and labels', () => {
  it('counts the owners of every round in both tables', async () => {
    const each = { metric: 'participants', 'each-round': 2 }
    expect(await outcomes(each)).toMatchObject([{ status: 'met' }])
    expect(await outcomes({ ...each, 'each-round': 3 })).toMatchObject([{ status: 'missed', got: '2 in round 1' }])
    const one = await outcomes(each, {}, (folder) => edit(join(folder, 'run', 'unified.csv'), '2,avg,2', '2,avg,1'))
    expect(one).toMatchObject([{ status: 'missed', got: '1 in round 2', line: 3 }])
    const absent = await outcomes(each, {}, (folder) => {
      edit(join(folder, 'run', 'local.csv'), /\n3,2.*\n/, '\n')
      edit(join(folder, 'run', 'table.csv'), '97.00', '')
    })
    expect(absent).toMatchObject([{ status: 'missed', got: '1 in round 3', line: 6 }])
  })

  it("compares the hash of a shard's label counts", async () => {
    const sha256 = createHash('sha256')
      .update(JSON.stringify([TRAIN_LABELS, TEST_LABELS]))
      .digest('hex')
    const labels = { metric: 'labels', owner: 1, sha256: sha256.toUpperCase() }
    expect(await outcomes(labels)).toMatchObject([{ status: 'met' }])
    expect(await outcomes({ ...labels, owner: 3 })).toMatchObject([
      { status: 'missed', got: 'nothing: the run has 2 owners' },
    ])
    const other = await outcomes({ ...labels, sha256: sha256.replace(/^../, '00') })
    expect(other).toMatchObject([{ status: 'missed', got: `${sha256} ([5 5 0] train, [1 1 0] test)` }])
  })
})
