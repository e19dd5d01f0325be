import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkRuns } from '../../src/check/check-runs.ts'
import { studentQuantile } from '../../src/stats.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

it.each([
  // NIST/SEMATECH e-Handbook, 1.3.6.7.2: upper critical values of Student's t.
  [0.95, 1, 6.314],
  [0.975, 1, 12.706],
  [0.9, 2, 1.886],
  [0.95, 2, 2.92],
  [0.975, 2, 4.303],
  [0.95, 3, 2.353],
  [0.95, 4, 2.132],
  [0.99, 5, 3.365],
  [0.9, 7, 1.415],
  [0.999, 10, 4.144],
  [0.975, 30, 2.042],
  [0.95, 100, 1.66],
])('the %f quantile of t with %i degrees of freedom is %f', (p, df, t) => {
  expect(studentQuantile(p, df)).toBeCloseTo(t, 3)
})

/** One run for each seed, that ends with this accuracy. */
function seeds(accuracies: readonly number[], more: object = {}): string {
  const folder = temporaryFolder()
  for (const [seed, accuracy] of accuracies.entries()) {
    writeRun(join(folder, `s${seed}`), { seed, unified: { avg: [0.1, accuracy] }, local: [[0.9, 0.9]], ...more })
  }
  return folder
}

/** What one expectation over the seeds comes to. */
async function over(folder: string, expectation: object) {
  const gate = join(temporaryFolder(), 'gate.yaml')
  writeFileSync(gate, JSON.stringify([{ metric: 'unified', over: 'seeds', ...expectation }]))
  const reports = await checkRuns([folder], gate)
  const [report, ...rest] = reports.filter(({ outcomes }) => outcomes.every(({ subject }) => subject !== 'run'))
  expect(rest).toEqual([])
  return { path: report!.path, notes: report!.notes, ...report!.outcomes[0]! }
}

// Mean 0.7, deviation 0.02: t(0.95, 2) = 2.919986, so that the lower bound is 0.7 - 2.919986 * 0.02 / sqrt(3) = 0.666283.
const THREE = [0.68, 0.7, 0.72]

describe('an expectation over seeds', () => {
  it.each<[object, string, number]>([
    [{ min: 0.7 }, 'met', 0],
    [{ min: 0.71 }, 'missed', 1],
    [{ min: 0.72, 'tolerance-sd': 1 }, 'met', 0],
    [{ min: 0.73, 'tolerance-sd': 1 }, 'missed', 1],
    [{ min: 0.6662, confidence: 0.95 }, 'met', 0],
    [{ min: 0.67, confidence: '95 %' }, 'missed', 0.3717],
    [{ max: 0.7337, confidence: 0.95 }, 'missed', 0.0017],
    [{ max: 0.7338, confidence: 0.95 }, 'met', 0],
    [{ max: 0.68, 'tolerance-sd': 1 }, 'met', 0],
    [{ min: 0.6, max: 0.69 }, 'missed', 1],
  ])('%j is %s', async (expectation, status, short) => {
    const outcome = await over(seeds(THREE), expectation)
    expect(outcome).toMatchObject({ status, seeds: 3, merge: 'avg', round: 2 })
    expect(outcome.value).toBeCloseTo(0.7, 12)
    expect(outcome.pointsShort).toBeCloseTo(short, 4)
  })

  it('says the mean, the deviation, the bound and the seeds', async () => {
    const folder = seeds(THREE)
    expect(await over(folder, { min: '67 %', confidence: '95 %' })).toMatchObject({
      path: `${folder}, seeds 0, 1, 2`,
      subject: 'unified avg at end over seeds',
      expected: 'at least 67.00 % at 95 % confidence',
      got: '70.00 ± 2.00 % over 3 seeds in round 2, lower 95 % bound 66.63',
    })
  })

  it('of a gap is one over the gaps of each seed', async () => {
    const folder = temporaryFolder()
    for (const [seed, [avg, pooled]] of [[0.6, 0.7] as const, [0.7, 0.72] as const].entries()) {
      writeRun(join(folder, `s${seed}`), { seed, unified: { avg: [avg], pooled: [pooled] }, local: [[0.9]] })
    }
    const gap = { merge: 'avg', 'max-gap-to': 'pooled' }
    expect(await over(folder, { ...gap, points: 6 })).toMatchObject({ status: 'met' })
    expect(await over(folder, { ...gap, points: 5.5 })).toMatchObject({ status: 'missed', pointsShort: 0.5 })
  })

  it('misses too few seeds, and a seed that has not come to its end', async () => {
    const one = await over(seeds([0.9]), { min: 0.5 })
    expect(one).toMatchObject({ status: 'missed', got: '1 seed, at least 2 are needed' })
    const three = await over(seeds(THREE), { min: 0.5, seeds: 4 })
    expect(three).toMatchObject({ status: 'missed', got: '3 seeds, at least 4 are needed' })
    const folder = seeds(THREE)
    writeRun(join(folder, 's3'), { seed: 3, unified: { avg: [0.9] }, local: [[0.9]], rounds: 2, status: 'interrupted' })
    const got = 'of seed 3 nothing: the run is not finished, only round 1 is done'
    expect(await over(folder, { min: 0.5 })).toMatchObject({ status: 'missed', got })
  })

  it('is none of single runs, and repeats of a seed do not count', async () => {
    const folder = seeds(THREE)
    writeRun(join(folder, 'again'), { seed: 0, unified: { avg: [0.1, 0.99] }, local: [[0.9, 0.9]] })
    const { value, notes } = await over(folder, { min: 0.5 })
    expect(notes).toHaveLength(1)
    expect([0.7, (0.99 + 0.7 + 0.72) / 3].some((mean) => Math.abs(mean - value!) < 1e-9)).toBe(true)
  })

  it('is one for each experiment among the runs', async () => {
    const folder = seeds(THREE)
    for (const seed of [0, 1])
      writeRun(join(folder, `v${seed}`), { seed, env: 'V', local: [[0.9, 0.9]], unified: { avg: [0.1, 0.3] } })
    const gate = join(temporaryFolder(), 'gate.yaml')
    writeFileSync(gate, '- { metric: unified, min: 0.5, over: seeds }\n')
    const { code, out } = await fedunify(['check', folder, '--expect', gate])
    expect(code).toBe(1)
    expect(out).toMatch(/\(env H\), seeds 0, 1, 2\n +✓ met/)
    expect(out).toMatch(/\(env V\), seeds 0, 1\n +✗ missed(.|\n)*by +20\.00 points/)
  })

  it.each([
    ['{ min: 0.5, confidence: 0.9 }', 'expect.0.confidence: expected over: seeds beside confidence'],
    ['{ min: 0.5, seeds: 3 }', 'expect.0.seeds: expected over: seeds beside seeds'],
    ['{ min: 0.5, over: seeds, confidence: 0.4 }', 'expected a confidence above 0.5 and below 1, got 0.4'],
    ['{ min: 0.5, over: seeds, confidence: 0.9, tolerance-sd: 1 }', 'expected one of tolerance-sd and confidence'],
    ['{ min: 0.5, over: owners }', 'expect.0.over: expected seeds, got "owners"'],
    ['{ min: 60 }', 'expect.0.min: expected a number of at most 1, got 60'],
    ['{ min: 160 % }', 'expect.0.min: expected a fraction or a percentage, for example 0.6 or 60 %, got "160 %"'],
    ['{ min: sixty }', 'expect.0.min: expected a fraction or a percentage, for example 0.6 or 60 %, got "sixty"'],
  ])('refuses %s', async (text, message) => {
    const gate = join(temporaryFolder(), 'gate.yaml')
    writeFileSync(gate, `- { metric: unified, ${text.slice(1)}\n`)
    const { code, err } = await fedunify(['check', seeds(THREE), '--expect', gate])
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('a percentage', () => {
  it.each([
    ['60 %', 0.6],
    ['60%', 0.6],
    ['78.68 %', 0.7868],
    ['"0.5 %"', 0.005],
    ['100 %', 1],
    ['0.6', 0.6],
  ])('%s is the fraction', async (text, fraction) => {
    const gate = join(temporaryFolder(), 'gate.yaml')
    writeFileSync(gate, `- { metric: unified, at: 1, min: ${text} }\n`)
    const [report] = await checkRuns([seeds([0.5])], gate)
    expect(report!.outcomes[1]!.limit).toBe(fraction)
  })
})

describe('--update', () => {
  function study(points = 1) {
    const root = temporaryFolder()
    const run = writeRun(join(root, 'run'), { unified: { avg: [0.5, 0.7], max: [0.1, 0.2] }, local: [[0.9, 0.9]] })
    mkdirSync(join(root, 'gates'))
    const gate = join(root, 'gates', 'gate.yaml')
    writeFileSync(gate, `- { metric: unified, merge: avg, max-drop-from: ref.csv, points: ${points} }\n`)
    return { root, run, gate, csv: join(root, 'gates', 'ref.csv') }
  }

  it('writes the reference anew, says what changed, and only where it is asked for', async () => {
    const { run, gate, csv } = study()
    writeFileSync(csv, 'round,merge,accuracy\n2,avg,0.8\n')
    const old = readFileSync(csv, 'utf8')
    const before = await fedunify(['check', run, '--expect', gate])
    expect(before.code).toBe(1)
    expect(before.out).toContain('add --update: it writes ref.csv anew')
    expect(readFileSync(csv, 'utf8')).toBe(old)
    const { code, err } = await fedunify(['check', run, '--expect', gate, '--update'])
    expect(code).toBe(0)
    expect(err).toBe(
      `updated ${csv} from ${join(run, 'unified.csv')}\n` +
        '  avg: 80.00 % in round 2 became 70.00 % in round 2, -10.00 points\n  max: 20.00 % in round 2, new\n',
    )
    expect(readFileSync(csv, 'utf8')).toBe(readFileSync(join(run, 'unified.csv'), 'utf8'))
  })

  it('writes one that is not there beside the file that names it', async () => {
    const { run, gate, csv } = study()
    const { code, err } = await fedunify(['check', run, '--expect', gate, '--update'])
    expect([code, err]).toEqual([0, expect.stringContaining(`wrote ${csv} from`)])
    expect(await fedunify(['check', run, '--expect', gate])).toMatchObject({ code: 0 })
  })

  it.each<[string, (s: ReturnType<typeof study>) => unknown, number, string]>([
    ['an unfinished run', ({ run }) => writeRun(run, { status: 'interrupted', rounds: 9 }), 3, 'has not finished'],
    ['a damaged run', ({ run }) => writeFileSync(join(run, 'local.csv'), 'x\n'), 3, 'no reference was written'],
    [
      'several runs',
      ({ root, run }) => writeRun(join(root, 'run', '..', 'more'), { seed: 1 }) && run,
      2,
      'are both compared with it',
    ],
    [
      'no reference',
      ({ gate }) => writeFileSync(gate, '- { metric: unified, min: 0 }\n'),
      2,
      'none of the expectations names a reference',
    ],
    [
      'a run as reference',
      ({ gate }) => writeFileSync(gate, '- { metric: unified, max-drop-from: ../run, points: 1 }\n'),
      2,
      'is a run, not a file of its own',
    ],
  ])('refuses %s, and writes nothing', async (what, prepare, exit, message) => {
    const s = study()
    writeFileSync(s.csv, 'round,merge,accuracy\n2,avg,0.8\n')
    prepare(s)
    const named = what === 'several runs' ? s.root : s.run
    const { code, err } = await fedunify(['check', named, '--expect', s.gate, '--update'])
    expect([code, err]).toEqual([exit, expect.stringContaining(message)])
    expect(readFileSync(s.csv, 'utf8')).toBe('round,merge,accuracy\n2,avg,0.8\n')
  })
  it('tells of a rule whose name is like an owner’s series', async () => {
    const { run, gate } = study()
    writeRun(run, { unified: { avg: [0.5, 0.7], local_x: [0.1, 0.2] }, local: [[0.9, 0.9]] })
    const { code, err } = await fedunify(['check', run, '--expect', gate, '--update'])
    expect(code).toBe(0)
    expect(err).toContain('\n  avg: 70.00 % in round 2, new\n  local_x: 20.00 % in round 2, new\n')
  })

  it('refuses a link to the table of a run, and writes nothing', async () => {
    const { root, run, gate, csv } = study()
    const other = writeRun(join(root, 'other'), { unified: { avg: [0.5, 0.8] }, local: [[0.9, 0.9]] })
    const table = join(other, 'unified.csv')
    const sealed = readFileSync(table, 'utf8')
    symlinkSync(table, csv)
    const { code, err } = await fedunify(['check', run, '--expect', gate, '--update'])
    expect([code, err]).toEqual([2, expect.stringContaining(`${csv} is a run, not a file of its own`)])
    expect(readFileSync(table, 'utf8')).toBe(sealed)
  })
})
