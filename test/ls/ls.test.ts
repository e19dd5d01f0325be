import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { beforeAll, describe, expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { writeRun as writeInvented } from '../support/invented-run.ts'
import { edit, writeRun } from '../support/written-run.ts'

const { folder } = workshop()
const at = (...names: string[]) => join(folder, 'runs', ...names)
const ls = (...args: string[]) => fedunify(['ls', at(), ...args])
const lines = (text: string) => text.split('\n').map((line) => line.trimEnd())

interface Row {
  name: string
  runs: { id: string; path: string; seed: number; status: string; rounds: number }[]
}

async function rows(...args: string[]): Promise<Row[]> {
  const { out, err, code } = await ls(...args, '--json')
  expect({ err, code }).toEqual({ err: '', code: 0 })
  return JSON.parse(out).rows
}

const ids = (found: readonly Row[]) => found.map(({ runs }) => runs.map(({ id }) => id).join(' '))

/** Two local models and unified ones that end like this after three rounds. */
const ending = (ends: Record<string, number>) =>
  Object.fromEntries(Object.entries(ends).map(([name, end]) => [name, [0.5, end + 0.01, end]]))

beforeAll(() => {
  for (const [seed, end] of [0.8, 0.82, 0.84].entries()) {
    writeRun(at('sweep', `low-s${seed}`), {
      seed,
      unified: ending({ avg: end, max: 0.3 }),
      config: { name: 'sweep', lr: 0.01 },
    })
  }
  writeRun(at('sweep', 'high-s0'), { unified: ending({ avg: 0.9, max: 0.2 }), config: { name: 'sweep', lr: 0.1 } })
  writeRun(at('other', 'cut'), {
    env: 'V',
    status: 'interrupted',
    rounds: 9,
    unified: { avg: [0.6, 0.55] },
    local: [
      [0.9, 0.9],
      [0.9, 0.9],
    ],
    config: { name: 'other', lr: 0.01 },
  })
  for (const [run, day] of [
    ['other/cut', 30],
    ['sweep/high-s0', 29],
  ] as const) {
    edit(at(run, 'manifest.json'), '2021-12-31', `2021-12-${day}`)
  }
})

describe('fedunify ls', () => {
  it('has a row for the seeds of an experiment, and columns for the keys that vary', async () => {
    const { out } = await ls()
    expect(lines(out)).toEqual([
      'name   id       status       env  lr    merge    rounds           avg           max  best round               started  time',
      'sweep  3 seeds  finished     H    0.01  avg+max       3  82.00 ± 2.00  30.00 ± 0.00           2  2021-12-31 10:00 UTC     -',
      'other  cut      interrupted  V    0.01  avg      2 of 9         55.00             -           1  2021-12-30 10:00 UTC     -',
      'sweep  high-s0  finished     H    0.1   avg+max       3         90.00         20.00           2  2021-12-29 10:00 UTC     -',
      '',
      'Accuracy of the unified models in percent at the last round, mean ± standard deviation over seeds.',
      '',
    ])
  })

  it('has a row for each run if seeds are not to be grouped', async () => {
    expect(ids(await rows('--no-group', '--sort', 'id'))).toEqual(['cut', 'high-s0', 'low-s0', 'low-s1', 'low-s2'])
    const { out } = await ls('--no-group', '--where', 'lr=0.01', '--where', 'seed>=1', '--sort', '-seed')
    expect(out).toMatch(/low-s2[^\n]* 84\.00 [^\n]*\n[^\n]*low-s1[^\n]* 82\.00 /)
  })

  it.each<[string[], string[]]>([
    [
      ['--sort', '-unified'],
      ['high-s0', 'low-s0 low-s1 low-s2', 'cut'],
    ],
    [
      ['--sort', 'unified'],
      ['cut', 'low-s0 low-s1 low-s2', 'high-s0'],
    ],
    [
      ['--sort', 'best'],
      ['cut', 'low-s0 low-s1 low-s2', 'high-s0'],
    ],
    // What has no such figure comes last, whichever way.
    [
      ['--sort', 'max'],
      ['high-s0', 'low-s0 low-s1 low-s2', 'cut'],
    ],
    [
      ['--sort', '-max'],
      ['low-s0 low-s1 low-s2', 'high-s0', 'cut'],
    ],
    [
      ['--sort', 'started'],
      ['high-s0', 'cut', 'low-s0 low-s1 low-s2'],
    ],
    [['--sort', '-lr', '--limit', '1'], ['high-s0']],
    [['--where', 'env=H', '--where', 'unified>0.85'], ['high-s0']],
    [
      ['--where', 'unified <= 82%', '--sort', 'id'],
      ['cut', 'low-s0 low-s1 low-s2'],
    ],
    [['--where', 'status!=finished'], ['cut']],
    [['--where', 'merge=max', '--where', 'lr<0.1'], ['low-s0 low-s1 low-s2']],
    [['--where', 'started>=2021-12-30', '--where', 'name=sweep'], ['low-s0 low-s1 low-s2']],
    [['--where', 'id=low-s1'], ['low-s0 low-s1 low-s2']],
    [['--where', 'images=2000'], []],
    [['--where', 'images!=2000', '--limit', '1', '--where', 'best-round==1'], ['cut']],
  ])('%j', async (args, expected) => {
    expect(ids(await rows(...args))).toEqual(expected)
  })

  it('knows options of parts by their names', async () => {
    const study = join(folder, 'alphas')
    for (const alpha of [0.1, 0.5]) {
      writeInvented(join(study, `a${alpha}`), { config: { env: { dirichlet: { alpha } }, owners: 3, rounds: 2 } })
    }
    const found = async (where: string) =>
      ids(JSON.parse((await fedunify(['ls', study, '--where', where, '--sort', 'alpha', '--json'])).out).rows)
    expect(await found('alpha<0.3')).toEqual(['a0.1'])
    expect(await found('env.dirichlet.alpha=0.5')).toEqual(['a0.5'])
    expect(await found('env=dirichlet')).toEqual(['a0.1', 'a0.5'])
    expect(await found('env=dirichlet:alpha=0.5')).toEqual(['a0.5'])
  })

  it('puts what is sent back beside each other if runs are driven by different rules', async () => {
    const study = join(folder, 'drivers')
    writeRun(join(study, 'a'), { unified: ending({ avg: 0.8 }) })
    writeRun(join(study, 'm'), { unified: ending({ max: 0.3 }) })
    const { out } = await fedunify(['ls', study, '--sort', '-unified'])
    expect(out).toMatch(/^name +id +status +merge +rounds +sent back +avg +max /)
    expect(out).toMatch(/\nfake +a +finished +avg +3 +80\.00 +80\.00 +- /)
    expect(out).toMatch(/\nfake +m +finished +max +3 +30\.00 +- +30\.00 /)
  })

  it.each([
    [100, 'left out to fit the terminal: best round, started, time'],
    [60, 'left out to fit the terminal: merge, max, best round,\nstarted, time'],
    [45, 'left out to fit the terminal:'],
  ])('leaves out columns to fit %i characters, and breaks no word', async (width, expected) => {
    const { out } = await fedunify(['ls', at()], { width })
    expect(out).toContain(expected)
    for (const line of lines(out)) expect(line.length).toBeLessThanOrEqual(width)
    const whole = new Set((await ls()).out.split(/\s+/))
    for (const word of out.replace(/left out[\s\S]*$/, '').split(/\s+/)) expect(whole).toContain(word)
  })

  it('turns a row into a list if not even the figure fits', async () => {
    const { out } = await fedunify(['ls', at(), '--where', 'env=V'], { width: 15 })
    expect(out).toContain(
      'name        other\nid          cut\nstatus      interrupted\nrounds      2 of 9\navg         55.00\n',
    )
  })

  it('writes Markdown and CSV', async () => {
    const markdown = (await ls('--md', '--sort', '-unified', '--limit', '1')).out
    expect(markdown).toBe((await ls('--format', 'markdown', '--sort', '-unified', '--limit', '1')).out)
    expect(markdown).toContain(
      [
        '| name | id | status | rounds | avg | max | to best | best round | started | time |',
        '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
        '| sweep | high-s0 | finished | 3 | 90.00 | 20.00 | best | 2 | 2021-12-29 10:00 UTC | - |',
      ].join('\n'),
    )
    const table = parse((await ls('--csv', '--where', 'lr=0.01', '--sort', 'unified')).out, {
      columns: true,
    }) as Record<string, string>[]
    expect(table.map(({ name, env, unified, seeds, avg_sd, max }) => [name, env, unified, seeds, avg_sd, max])).toEqual(
      [
        ['other', 'V', '0.55', '1', '', ''],
        ['sweep', 'H', '0.82', '3', expect.stringMatching(/^0\.0(2|19999)/), '0.3'],
      ],
    )
  })

  it('says how far each is from the best, and which of them may as well be as good', async () => {
    const study = join(folder, 'standings')
    const put = (lr: number, ends: Record<number, number>) => {
      for (const [seed, end] of Object.entries(ends)) {
        const run = { seed: Number(seed), unified: ending({ avg: end }), config: { name: 'standings', lr } }
        writeRun(join(study, `lr${lr}-s${seed}`), run)
      }
    }
    put(0.1, { 0: 0.7, 1: 0.8, 2: 0.9 })
    put(0.2, { 0: 0.66, 1: 0.78, 2: 0.84 })
    put(0.3, { 0: 0.68, 1: 0.79, 2: 0.86 })
    put(0.4, { 0: 0.6 })
    const list = async (...args: string[]) => (await fedunify(['ls', study, '--sort', '-unified', ...args])).out
    // lr 0.3: differences -2, -1 and -4 points: mean -7/3 = -2.33, s = √(42/9 / 2) = 1.5275, t(0.975, 2) = 4.3027:
    // ± 4.3027 · 1.5275 / √3 = 3.79. lr 0.2: -4, -2 and -6: mean -4, s = 2, ± 4.3027 · 2 / √3 = 4.97.
    const table = await list()
    expect(table).toMatch(/3 seeds.* 80\.00 ± 10\.00 +best /)
    expect(table).toMatch(/3 seeds.* 77\.67 ± \S+ +-2\.33 \[-6\.13, \+1\.46\] noise /)
    expect(table).toMatch(/3 seeds.* 76\.00 ± \S+ +-4\.00 \[-8\.97, \+0\.97\] noise /)
    expect(table).toMatch(/lr0\.4-s0.* 60\.00 +-20\.00 /)
    expect(table).toContain('noise: it contains 0, as of 2 of 3 rows.')
    const [, , third, last] = JSON.parse(await list('--json')).rows
    expect(third.to_best).toMatchObject({ best: false, difference: { pairs: 3, within_noise: true } })
    expect(third.to_best.difference.low).toBeCloseTo(-4 - (4.302653 * 2) / Math.sqrt(3), 5)
    expect(last.to_best).toMatchObject({ difference: null })
    const [best, second] = parse(await list('--csv', '--limit', '2'), { columns: true }) as Record<string, string>[]
    expect([best!.to_best_points, best!.pairs, best!.within_noise]).toEqual(['0', '', ''])
    expect([second!.pairs, second!.within_noise]).toEqual(['3', 'true'])
    // Sorted by something else, nothing is best.
    expect(await list('--sort', 'lr')).not.toContain('to best')
  })

  it('a name that begins like a formula is text in a CSV', async () => {
    const study = join(folder, 'formulas')
    for (const id of ['=cmd()', '+1', '@x']) writeRun(join(study, id))
    const { out } = await fedunify(['ls', study, '--csv', '--sort', 'id'])
    const cells = (parse(out, { columns: true }) as { id: string }[]).map(({ id }) => id)
    expect(cells.sort()).toEqual(["'+1", "'=cmd()", "'@x"])
  })

  it('follows links, and lists a run that several lead to once', async () => {
    const study = join(folder, 'links')
    mkdirSync(study)
    symlinkSync(at('sweep', 'high-s0'), join(study, 'best'))
    symlinkSync(at('sweep', 'high-s0'), join(study, 'again'))
    const { out } = await fedunify(['ls', study, '--json'])
    expect(ids(JSON.parse(out).rows)).toEqual(['again'])
  })

  it.each<[string, (dir: string) => void, string]>([
    ['has no manifest', (dir) => rmSync(join(dir, 'manifest.json')), 'no such file'],
    ['has half a manifest', (dir) => edit(join(dir, 'manifest.json'), /,\s*"shards"[\s\S]*$/, ''), 'not the manifest'],
    [
      'has another config than its hash',
      (dir) => edit(join(dir, 'manifest.json'), '"lr": 0.1', '"lr": 0.2'),
      'config_hash',
    ],
    ['has no accuracies', (dir) => rmSync(join(dir, 'unified.csv')), 'unified.csv: it is missing'],
    ['has too few rows', (dir) => edit(join(dir, 'unified.csv'), /3,avg.*\n/, ''), 'round 3 of avg is missing'],
    ['has words for numbers', (dir) => edit(join(dir, 'unified.csv'), '0.91', 'much'), 'expected a number, got "much"'],
    ['is newer', (dir) => edit(join(dir, 'manifest.json'), '{', '{ "format": 99,'), 'format 99'],
    ['is a pipe dream', (dir) => renameSync(join(dir, 'manifest.json'), join(dir, 'events.jsonl')), 'no such file'],
  ])('a folder that %s is one line below the table', async (name, spoil, message) => {
    const study = join(folder, `damaged ${name}`)
    writeRun(join(study, 'whole'), { unified: ending({ avg: 0.7 }) })
    writeRun(join(study, 'spoilt'), { unified: ending({ avg: 0.9 }), config: { lr: 0.1 } })
    spoil(join(study, 'spoilt'))
    const { out, err, code } = await fedunify(['ls', study])
    expect({ err, code }).toEqual({ err: '', code: 0 })
    expect(out).toMatch(/\nfake +whole +finished +3 +70\.00 /)
    const damaged = lines(out).filter((line) => line.startsWith('damaged: '))
    expect(damaged).toHaveLength(1)
    expect(damaged[0]).toContain(join(study, 'spoilt'))
    expect(damaged[0]).toContain(message)
    const json = JSON.parse((await fedunify(['ls', study, '--json'])).out)
    expect(json.damaged).toHaveLength(1)
    expect(json.damaged[0].code).toMatch(/^E_(RUN|FILE)_/)
    const csv = await fedunify(['ls', study, '--csv'])
    expect(csv.err).toBe(`${damaged[0]}\n`)
  })

  it('an edited table of a run that knows its hash is told', async () => {
    const run = join(folder, 'hashed', 'run')
    writeRun(run)
    const text = readFileSync(join(run, 'manifest.json'), 'utf8')
    const mark = { size: 1, sha256: '0'.repeat(64) }
    writeFileSync(
      join(run, 'manifest.json'),
      text.replace('{', `{ "files": { "unified.csv": ${JSON.stringify(mark)} },`),
    )
    expect((await fedunify(['ls', join(folder, 'hashed')])).out).toContain('unified.csv: it was edited')
  })

  it('a line that a run has only begun is not looked at', async () => {
    const run = join(folder, 'begun', 'run')
    const local = [[0.9], [0.9]]
    writeRun(run, { status: 'running', rounds: 4, unified: { avg: [0.6] }, local })
    writeFileSync(join(run, 'unified.csv'), '2,avg,2,0.', { flag: 'a' })
    expect((await fedunify(['ls', run])).out).toMatch(/\nfake +run +running +1 of 4 +60\.00 /)
  })

  it.each<[string[], number, string]>([
    [['--where', 'lrr=1'], 2, 'unknown key "lrr"'],
    [['--sort', 'unifed'], 2, 'did you mean unified?'],
    [['--where', 'lr'], 2, '--where lr: expected a key, one of = != > >= < <= and a value'],
    [['--where', 'unified>85'], 2, 'an accuracy is a fraction'],
    [['--limit', '0'], 2, 'at least 1'],
    [['--format', 'html'], 2, 'Allowed choices are terminal, markdown, csv, json'],
    [['--md', '--json'], 2, 'cannot be used with'],
    [['nothing-there'], 3, 'nothing-there: no such folder'],
  ])('refuses %j', async (args, exit, message) => {
    const { code, out, err } = await ls(...args)
    expect(err).toContain(message)
    expect({ code, out }).toEqual({ code: exit, out: '' })
  })

  it('says so if no run matches', async () => {
    expect((await ls('--where', 'env=labels')).out).toBe('no run matches\n')
  })
})
