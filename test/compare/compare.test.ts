import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PAPER_TABLES, paperTableFor } from '../../src/paper/tables.ts'
import { fedunify as inProcess } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as writeInvented } from '../support/invented-run.ts'
import { edit, writeRun } from '../support/written-run.ts'

const fedunify = (...args: string[]) => inProcess(args)

interface Json {
  sides: { name: string; detail: string }[]
  rows: { round: number | 'end'; series: string; sides: ({ accuracy: number; delta_points: number | null } | null)[] }[]
  warnings: string[]
  notes: string[]
}

async function compare(...args: string[]): Promise<Json> {
  const { code, out, err } = await fedunify('compare', ...args, '--format', 'json')
  expect(err).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out)
}

const row = ({ rows }: Json, round: number | 'end', series: string) =>
  rows.find((one) => one.round === round && one.series === series)!.sides

describe('fedunify compare', () => {
  it('shows differences in points from the first side', async () => {
    const folder = temporaryFolder()
    const a = writeRun(join(folder, 'a'))
    const b = writeRun(join(folder, 'b'), { unified: { avg: [0.52, 0.74] }, local: [[0.9, 0.9]], config: { lr: 0.01 } })
    const both = await compare(a, b)
    expect(row(both, 1, 'avg')[1]!.delta_points).toBeCloseTo(2, 9)
    expect(row(both, 'end', 'avg')).toMatchObject([{ accuracy: 0.7, delta_points: null }, { accuracy: 0.74 }])
    expect(row(both, 3, 'avg')[1]).toBeNull()
    expect(both.notes).toContain('B has no local_2')
    expect(both.notes.join()).toContain('B was run with other settings: ')
    expect(both.notes.join()).toContain('lr 0.01 (A: not set)')
    const model = Array(9).fill({ type: 'relu' })
    const c = writeRun(join(folder, 'c'), { config: { lr: 0.01, model } })
    expect((await compare(b, c)).notes.join()).toMatch(
      /B was run with other settings: rounds 3 \(A: 2\), another model,B - A: no interval, A and B have one seed$/,
    )
    const { out } = await fedunify('compare', a, b)
    expect(out).toMatch(
      /\n1 +local 1 +90\.00 +90\.00 +0\.00\n +local 2 +95\.00 +- +-\n +avg +50\.00 +52\.00 +\+2\.00\n/,
    )
  })

  it('puts a run beside the table of its env, whose epoch 5,000 is the end', async () => {
    const run = writeRun(join(temporaryFolder(), 'a'), { env: 'V' })
    const beside = await compare(run, 'paper')
    // It comes first, wherever it is named: the difference is ours minus the paper's, as in the report.
    expect(beside.sides[0]!.name).toBe('paper, Table 3')
    expect(row(beside, 'end', 'avg')).toMatchObject([{ accuracy: 0.9373, delta_points: null }, { accuracy: 0.7 }])
    expect(row(beside, 'end', 'avg')[1]!.delta_points).toBeCloseTo(70 - 93.73, 9)
    expect(row(beside, 1, 'max')).toMatchObject([{ accuracy: 0.1828, delta_points: null }, null])
    expect(beside.notes).toContain('B has no max, absmax')
    const first = await compare('paper', writeRun(join(temporaryFolder(), 'b')))
    expect(row(first, 'end', 'avg')[1]!.delta_points).toBeCloseTo(70 - 78.68, 9)
  })

  it('takes the mean and deviation over the seeds of each experiment of a batch', async () => {
    const folder = temporaryFolder()
    for (const [seed, last] of [0.6, 0.7, 0.8].entries()) {
      writeRun(join(folder, `h${seed}`), { seed, unified: { avg: [0.1, 0.2, last] } })
      writeRun(join(folder, `v${seed}`), { seed, env: 'V' })
    }
    const { out } = await fedunify('compare', folder, '--rounds', 'end')
    expect(out).toContain(`A  ${folder} (env H): env H, 3 seeds, 3 rounds`)
    // Differences by seed: 10, 0 and -10 points, s = 10: ± t(0.975, 2) · 10 / √3 = 4.3027 · 5.7735 = 24.84.
    expect(out).toMatch(/avg +70\.00 ± 10\.00 +70\.00 ± 0\.00 +0\.00 \[-24\.84, \+24\.84\] noise\n/)
    expect(out).toContain('note: B was run with other settings: env "V" (A: "H")')
  })

  it('shows what there is of an unfinished run, and says so', async () => {
    const folder = temporaryFolder()
    writeRun(join(folder, 's0'))
    const cut = {
      seed: 1,
      status: 'interrupted',
      rounds: 3,
      unified: { avg: [0.6, 0.65] },
      local: [
        [0.9, 0.9],
        [1, 1],
      ],
    } as const
    const unfinished = writeRun(join(folder, 's1'), cut)
    const alone = await compare(unfinished, 'paper')
    expect(row(alone, 'end', 'avg')[1]!.accuracy).toBe(0.65)
    expect(alone.warnings[0]).toBe(
      `${unfinished} is not finished: interrupted, 2 of 3 rounds; "end" is its last round so far`,
    )
    const among = await compare(folder, 'paper')
    expect(row(among, 1, 'avg')[1]).toMatchObject({ accuracy: 0.55, runs: 2 })
    expect(row(among, 'end', 'avg')[1]).toMatchObject({ accuracy: 0.7, runs: 1 })
    expect(among.warnings[0]).toContain('"end" leaves it out')
  })

  it('says that a seed is there twice', async () => {
    const folder = temporaryFolder()
    for (const name of ['a', 'b']) writeRun(join(folder, name))
    expect((await compare(folder, 'paper')).notes[0]).toContain('has seed 0 more than once')
  })

  it('puts any number of sides beside the first', async () => {
    const folder = temporaryFolder()
    const local = [[0.9], [0.9]]
    const sides = [0.5, 0.52, 0.47].map((first, i) => {
      return writeRun(join(folder, `r${i}`), { unified: { avg: [first] }, local })
    })
    const { out } = await fedunify('compare', ...sides, 'paper', '--rounds', '1')
    expect(out.split('\n').slice(5, 10)).toEqual([
      'round  side  local 1    - A  local 2    - A    avg    - A    max  absmax',
      '1         A    93.71           98.33         47.33         11.49   47.08',
      '          B    90.00  -3.71    90.00  -8.33  50.00  +2.67      -       -',
      '          C    90.00  -3.71    90.00  -8.33  52.00  +4.67      -       -',
      '          D    90.00  -3.71    90.00  -8.33  47.00  -0.33      -       -',
    ])
    expect(out).toMatch(/^A {2}paper, Table 4: /m)
    const markdown = (await fedunify('compare', ...sides, '--rounds', '1', '--md')).out
    expect(markdown).toContain(
      [
        '| round | side | local 1 | - A | local 2 | - A | avg | - A |',
        '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
        '| 1 | A | 90.00 |  | 90.00 |  | 50.00 |  |',
        '| 1 | B | 90.00 | 0.00 | 90.00 | 0.00 | 52.00 | +2.00 |',
      ].join('\n'),
    )
    const alone = await fedunify('compare', 'paper')
    expect(alone.err).toContain('hint: name a run to compare it with')
  })

  it.each([80, 60])('fits %i characters, and breaks no word', async (width) => {
    const folder = temporaryFolder()
    for (const [i, name] of ['avg', 'max', 'absmax', 'median'].entries()) {
      for (const seed of [0, 1, 2]) {
        writeRun(join(folder, `${name}${seed}`), { seed, unified: { [name]: [0.5 + i / 10, 0.6, 0.7 + seed / 100] } })
      }
    }
    const wide = (await fedunify('compare', folder, 'paper')).out
    const whole = new Set(wide.split(/\s+/))
    const { out } = await inProcess(['compare', folder, 'paper'], { width })
    // A path is not broken, however long.
    for (const line of out.replaceAll(folder, 'runs').split('\n')) expect(line.length).toBeLessThanOrEqual(width)
    for (const word of out.split(/\s+/)) expect(whole).toContain(word)
    expect(out).toMatch(/^round +side .*median$/m)
    expect(out.replace(/\s+/g, ' ')).toContain('warning: B, C, D, E do not compare with A: the model is')
  })

  it('has a row for what is sent back if runs are driven by different rules', async () => {
    const folder = temporaryFolder()
    const a = writeRun(join(folder, 'a'), { unified: { avg: [0.5, 0.6, 0.7], max: [0.1, 0.1, 0.1] } })
    const m = writeRun(join(folder, 'm'), { unified: { max: [0.2, 0.3, 0.4] } })
    const both = await compare(a, m)
    expect(row(both, 'end', 'sent_back')).toMatchObject([{ accuracy: 0.7 }, { accuracy: 0.4 }])
    expect(row(both, 'end', 'sent_back')[1]!.delta_points).toBeCloseTo(-30, 9)
    expect(row(both, 'end', 'max')[1]!.delta_points).toBeCloseTo(30, 9)
    expect(both.sides.map(({ detail }) => detail)).toEqual([
      'env H, seed 0, 3 rounds, avg is sent back',
      'env H, seed 0, 3 rounds, max is sent back',
    ])
    const { out } = await fedunify('compare', a, m, '--rounds', '1')
    expect(out).toMatch(/\n +sent back +50\.00 +20\.00 +-30\.00\n +avg /)
    // Of one rule, it would be the same row twice.
    expect((await compare(a, a)).rows.map(({ series }) => series)).not.toContain('sent_back')
  })

  it('warns where figures do not compare', async () => {
    const folder = temporaryFolder()
    const config = (model: string, images?: number) => ({ model, rounds: 3, ...(images && { images }) })
    const a = join(folder, 'a')
    const b = join(folder, 'b')
    writeInvented(a, { config: config('cnn') })
    writeInvented(b, { config: config('mlp') })
    const of = async (...args: string[]) => (await compare(...args)).warnings
    expect(await of(a, a)).toEqual([])
    const [other, ...more] = await of(a, b)
    expect(other).toBe('B does not compare with A: another model, mlp of 1,234 parameters (A: cnn of 1,234)')
    expect(more).toEqual([])
    edit(join(b, 'manifest.json'), '"train": 30000', '"train": 29500')
    expect((await of(a, b))[0]).toBe(
      'B does not compare with A: 69,500 images (A: 70,000); another model, mlp of 1,234 parameters (A: cnn of 1,234)',
    )
    expect(await of(b, 'paper', '--rounds', '1')).toEqual([
      expect.stringMatching(
        /^B does not compare with A: the model is mlp, not the paper.s CNN; trained and tested on 69,500 of the 70,000 images$/,
      ),
    ])
    const longer = join(folder, 'longer')
    writeInvented(longer, { config: { ...config('cnn'), rounds: 4 } })
    expect(await of(a, longer)).toEqual(['"end" is not the same round: round 3 (A), round 4 (B)'])
    expect(await of(a, longer, '--rounds', '1,2')).toEqual([])
    expect((await of(a, longer, a, 'paper')).at(-1)).toBe(
      '"end" is not the same round: epoch 5,000 (A), round 3 (B, D), round 4 (C)',
    )
    const { out } = await fedunify('compare', a, b)
    expect(out).toMatch(/\nwarning: B does not compare with A: /)
  })

  describe('over seeds', () => {
    const local = [
      [0.9, 0.9],
      [0.9, 0.9],
    ]
    /** A folder of runs, by lr, and the accuracies of its seeds. */
    function sides(...groups: Record<number, number>[]): string[] {
      const folder = temporaryFolder()
      return groups.map((group, i) => {
        const name = join(folder, `side${i}`)
        for (const [seed, end] of Object.entries(group)) {
          const run = { seed: Number(seed), unified: { avg: [0.5, end] }, local, config: { lr: 0.1 * (i + 1) } }
          writeRun(join(name, `s${seed}`), run)
        }
        return name
      })
    }
    type Told = {
      difference: { points: number; low: number; high: number; pairs: number | null; within_noise: boolean }
    }
    const told = (json: Json, i: number) => (row(json, 'end', 'avg')[i] as unknown as Told).difference

    it('has the 95 % interval of the paired differences, and a word if it contains 0', async () => {
      const named = sides({ 0: 0.6, 1: 0.7, 2: 0.8 }, { 0: 0.62, 1: 0.71, 2: 0.84 }, { 0: 0.65, 1: 0.75, 2: 0.86 })
      const json = await compare(...named, '--rounds', 'end')
      // B - A: 2, 1 and 4 points: mean 7/3 = 2.3333; deviations -1/3, -4/3 and 5/3, s = √((1 + 16 + 25) / 9 / 2) = 1.5275;
      // t(0.975, 2) = 4.302653; ± 4.302653 · 1.5275 / √3 = 3.7946: from -1.4612 to 6.1279.
      expect(told(json, 1)).toMatchObject({ pairs: 3, within_noise: true })
      expect(told(json, 1).points).toBeCloseTo(7 / 3, 9)
      expect(told(json, 1).low).toBeCloseTo(-1.4612, 3)
      expect(told(json, 1).high).toBeCloseTo(6.1279, 3)
      // C - A: 5, 5 and 6: mean 16/3 = 5.3333, s = √(1/3) = 0.57735; ± 4.302653 · 0.57735 / √3 = 4.302653 / 3 = 1.4342.
      expect(told(json, 2)).toMatchObject({ pairs: 3, within_noise: false })
      expect(told(json, 2).low).toBeCloseTo(16 / 3 - 4.302653 / 3, 5)
      expect(told(json, 2).high).toBeCloseTo(16 / 3 + 4.302653 / 3, 5)
      // The best is C, from which B is 3, 4 and 2 points away: mean 3, s = 1, ± 4.302653 / √3 = 2.48, behind.
      const { ranking } = json as unknown as { ranking: object }
      expect(ranking).toEqual({
        round: 'end',
        best: named[2],
        accuracy: expect.closeTo(0.75333, 4),
        within_noise: [],
        behind: [named[1], named[0]],
        no_interval: [],
      })
      const { out } = await fedunify('compare', ...named, '--rounds', 'end')
      expect(out).toContain('+2.33 [-1.46, +6.13] noise\n')
      expect(out).toContain('+5.33 [+3.90, +6.77]\n')
      expect(out).toContain('best of 3 sides at end: C, 75.33 (sent back); behind: B, A\n')
      const csv = (await fedunify('compare', ...named, '--rounds', 'end', '--csv')).out
      expect(csv).toMatch(/,3,0\.72\d*,0\.11\d*,2\.3\d*,2\.33\d*,-1\.46\d*,6\.12\d*,3,true\n/)
    })

    it('is over the seeds that both have, and of separate means if there are not two', async () => {
      const some = sides({ 0: 0.6, 1: 0.7, 2: 0.8 }, { 1: 0.71, 2: 0.83, 7: 0.1 })
      const json = await compare(...some, '--rounds', 'end')
      // 1 and 3 points: mean 2, s = √2, ± t(0.975, 1) · √2 / √2 = 12.7062. The means themselves are 15.33 apart.
      expect(told(json, 1)).toMatchObject({ pairs: 2, within_noise: true })
      expect(told(json, 1).points).toBeCloseTo(2, 9)
      expect(told(json, 1).high).toBeCloseTo(14.7062, 3)
      expect(row(json, 'end', 'avg')[1]!.delta_points).toBeCloseTo(100 * (1.64 / 3 - 0.7), 9)
      expect(json.notes.at(-1)).toBe('B - A: the interval is of the 2 seeds that both have')

      const apart = sides({ 0: 0.6, 1: 0.7, 2: 0.8 }, { 5: 0.5, 6: 0.52 })
      const welch = await compare(...apart, '--rounds', 'end')
      // Variances of the means: 100/3 and 2/2; √34.3333 = 5.8595; df = 34.3333² / (33.3333²/2 + 1²/1) = 2.1, so 2;
      // 51 - 70 = -19 ± 4.302653 · 5.8595 = 25.2112.
      expect(told(welch, 1)).toMatchObject({ pairs: null, within_noise: true })
      expect(told(welch, 1).low).toBeCloseTo(-44.2112, 3)
      expect(told(welch, 1).high).toBeCloseTo(6.2112, 3)
      expect(welch.notes.at(-1)).toBe('B - A: no seed in common, so the interval is of two separate means (Welch)')
    })

    it('has no interval of one seed, and says so', async () => {
      const json = await compare(...sides({ 0: 0.6, 1: 0.7 }, { 0: 0.62 }, { 3: 0.5 }), '--rounds', 'end')
      expect(told(json, 1)).toBeNull()
      expect(json.notes.slice(-2)).toEqual(['B - A: no interval, B has one seed', 'C - A: no interval, C has one seed'])
      const [side] = sides({ 0: 0.6, 1: 0.7 })
      const paper = await compare(side!, 'paper', '--rounds', 'end')
      expect(told(paper, 1)).toBeNull()
      expect(paper.notes.at(-1)).toBe('B - A: no interval, the paper tells no seeds')
    })
  })

  it('keeps the order in which a batch ran', async () => {
    const folder = temporaryFolder()
    for (const [i, lr] of [0.1, 0.01, 0.05].entries()) {
      writeRun(join(folder, `lr${lr}`), { config: { lr } })
      edit(join(folder, `lr${lr}`, 'manifest.json'), 'T10:00', `T1${i + 1}:00`)
    }
    const { sides } = await compare(folder)
    expect(sides.map(({ name }) => name)).toEqual(['lr 0.1', 'lr 0.01', 'lr 0.05'].map((lr) => `${folder} (${lr})`))
  })

  it('does not list what could not be chosen yet when an older version ran', async () => {
    // Made by 0.1.0 and 0.3.0, of which the first knew no device and no layout.
    const { notes } = await compare('results/reference/table3', 'test/earlier/0.3.0/V')
    expect(notes.join()).toContain('lr 0.1 (A: 0.01)')
    expect(notes.join()).not.toMatch(/device|layout|objective|server|not set/)
  })

  it('writes markdown and csv', async () => {
    const run = writeRun(join(temporaryFolder(), 'a|b'))
    const markdown = await fedunify('compare', run, 'paper', '--format', 'markdown', '--rounds', '1')
    expect(markdown.out).toContain(
      '| round | series | A | B | B - A |\n| --- | --- | ---: | ---: | ---: |\n| 1 | local 1 |',
    )
    const csv = await fedunify('compare', run, 'paper', '--format', 'csv', '--rounds', '1,9')
    const lines = csv.out.split('\n').slice(0, 3)
    expect(lines.slice(0, 2)).toEqual([
      'round,series,side,runs,accuracy,sd,delta_points,difference_points,difference_low,difference_high,pairs,within_noise',
      '1,local_1,"paper, Table 4",1,0.9371,,,,,,,',
    ])
    expect(lines[2]).toMatch(`1,local_1,${run},1,0.9,,-3.7`)
    expect(lines[2]).toMatch(/,,,,,$/)
    expect(csv.err).toContain('note: no side has round 9')
  })

  it.each<[string[], number, string]>([
    [['paper'], 2, 'compare needs two sides or more, got paper'],
    [['RUN'], 2, 'compare needs two sides or more'],
    [['paper', 'paper'], 2, 'nothing to choose it by'],
    [['RUN/../x*', 'paper'], 3, 'the glob matches no run'],
    [['RUN/manifest.csv', 'paper'], 3, 'no such folder'],
    [['RUN/local.csv', 'paper'], 3, 'a file, not the folder of a run'],
    [['RUN', 'paper', '--rounds', '0'], 2, 'expected round numbers or end'],
    [['RUN', 'paper', '--rounds', '77'], 3, 'no side has a round of 77'],
    [['RUN', 'paper', '--format', 'html'], 2, 'Allowed choices are'],
  ])('refuses %j', async (args, exit, message) => {
    const run = writeRun(join(temporaryFolder(), 'a'))
    const { code, out, err } = await fedunify('compare', ...args.map((arg) => arg.replace('RUN', run)))
    expect(err).toContain(message)
    expect({ code, out }).toEqual({ code: exit, out: '' })
  })

  it('knows no table of other envs', async () => {
    const folder = temporaryFolder()
    const other = writeRun(join(folder, 'a'), { env: 'dirichlet' })
    expect(await fedunify('compare', other, 'paper')).toMatchObject({ code: 2, out: '' })
    writeRun(join(folder, 'b'), { env: 'V' })
    const { err } = await fedunify('compare', folder, 'paper')
    expect(err).toContain('got env dirichlet and V')
  })

  it('refuses a folder of something else', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'notes.txt'), 'x')
    expect(await fedunify('compare', folder, 'paper')).toMatchObject({ code: 3 })
  })
})

describe("the paper's tables", () => {
  it('hold the figures as printed', () => {
    expect(PAPER_TABLES.map(({ number, env, rows }) => [number, env, rows.length])).toEqual([
      [3, 'V', 4],
      [4, 'H', 4],
    ])
    expect(paperTableFor('V')!.rows[0]).toEqual({
      round: 1,
      local_1: 91.41,
      local_2: 91.51,
      avg: 76.13,
      max: 18.28,
      absmax: 71.1,
    })
    expect(paperTableFor('H')!.rows[3]).toEqual({
      round: 5000,
      local_1: 95.02,
      local_2: 98.41,
      avg: 78.68,
      max: 71.49,
      absmax: 70.73,
    })
    expect(paperTableFor('labels')).toBeUndefined()
  })
})
