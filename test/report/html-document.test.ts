import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { paperTableFor } from '../../src/paper/tables.ts'
import { reportDocument } from '../../src/report/html/document.ts'
import { ownTests } from '../../src/report/html/figure/own-test.ts'
import { comparablePaper, sentence, verdictOf } from '../../src/report/html/verdict.ts'
import { groupRecords, readRecords } from '../../src/report/run-record.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type FakeRun, writeRun } from '../support/invented-run.ts'
import { NO_HASHES } from '../support/run-folder.ts'

const H = { env: 'H', rounds: 4, merge: ['avg', 'max', 'absmax'], baseline: 'pooled' }

function folder(runs: Record<string, FakeRun>): string {
  const dir = temporaryFolder()
  for (const [id, run] of Object.entries(runs)) writeRun(join(dir, id), run)
  return dir
}

const groupsOf = async (...dirs: string[]) => groupRecords(await readRecords(dirs))
const page = async (...dirs: string[]) => reportDocument(await groupsOf(...dirs))
const text = (html: string) =>
  html
    .replace(/<(style|script)>.*?<\/\1>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const signal = new AbortController().signal
  const io = {
    out: (t: string) => (out += t),
    err: (t: string) => (err += t),
    terminal: undefined,
    colors: { out: false, err: false },
    signal,
  }
  return { code: await main(['report', ...args], io), out, err }
}

describe('a run', () => {
  it('has every figure, and needs nothing from anywhere', async () => {
    const html = await page(folder({ a: { config: H } }))
    for (const part of [
      ...['accuracy', 'difference', 'owners', 'paper', 'loss', 'classes', 'confusion', 'confusions'],
      ...['drift', 'shards', 'manifest'],
    ]) {
      expect(html).toContain(`id="g1-${part}"`)
    }
    expect(html).not.toMatch(/ (src|href)="(?!#)| style=|@import|url\(|NaN|undefined|Infinity/)
    const styles = /<style>(.*?)<\/style>/s.exec(html)![1]!
    const sha = createHash('sha256').update(styles).digest('base64')
    expect(html).toContain(`style-src &#39;sha256-${sha}&#39;`)
    expect(html).not.toContain('unsafe')
  })

  it('says what travelled, if the run counted it', async () => {
    const dir = folder({ a: { config: H } })
    expect(text(await page(dir))).toContain('Models and updates in all 18 MB down, 8.0 MB up')
    rmSync(join(dir, 'a', 'traffic.csv'))
    expect(text(await page(dir))).not.toContain('Models and updates')
  })

  it('gives the same bytes again', async () => {
    const dir = folder({ a: { config: H } })
    expect(await page(dir)).toBe(await page(dir))
  })

  it('says the verdict in a sentence', async () => {
    const [group] = await groupsOf(folder({ a: { config: H } }))
    const verdict = verdictOf(group!, paperTableFor('H'))!
    expect(sentence(verdict).replaceAll('\u00a0', ' ')).toBe(
      'After 4 rounds, the unified model of 2 owners (avg) recognises 60.25 % of all owners’ test images: 11.25 points below a model trained on their pooled data (71.50 %), and 18.43 points below the paper’s last row for avg (78.68 %).',
    )
    expect(sentence({ ...verdict, pooled: undefined, paper: undefined })).toMatch(/test images\.$/)
    expect(sentence({ ...verdict, unified: { mean: 78.68, sd: Number.NaN } })).toContain('level with the paper’s')
  })

  it.each<[string, FakeRun, string]>([
    ['of another model', { config: { ...H, model: 'mlp' } }, 'the model is mlp, not the paper’s CNN'],
    ['of an own model', { config: { ...H, model: [{ type: 'flatten' }] } }, 'the model is one of its own'],
    ['unfinished', { config: H, done: 2, status: 'interrupted' }, 'only 2 of 4 rounds are done'],
  ])('%s is not judged by the paper', async (_, run, reason) => {
    const dir = folder({ a: run })
    const [group] = await groupsOf(dir)
    expect(comparablePaper(group!)).toBeUndefined()
    const html = text(await page(dir))
    expect(html).not.toMatch(/(below|above) the paper|unified − paper|Hollow marks/)
    expect(html).toContain(`These runs differ from the paper: ${reason}`)
  })

  it('of a subset is not judged by the paper, one like it is', async () => {
    const dir = folder({ a: { config: H } })
    expect(text(await page(dir))).toMatch(
      /18\.43 points below the paper’s last row .* unified − paper, Table 4 −18\.43/,
    )
    const manifest = join(dir, 'a', 'manifest.json')
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll('"test": 5000', '"test": 4000'))
    const html = text(await page(dir))
    expect(html).not.toContain('below the paper')
    expect(html).toContain('trained and tested on 68,000 of the 70,000 images')
  })

  it('greys what is not comparable, and compares each owner’s models on its own images', async () => {
    const html = text(await page(folder({ a: { config: H } })))
    expect(html).toContain('owner 1, local (5 of 10 classes)')
    const [group] = await groupsOf(folder({ a: { config: H } }))
    const last = group!.runs[0]!.local.filter(({ round }) => round === 4)
    expect(ownTests(group!)).toEqual(
      last.map((row) => ({ owner: row.owner, local: 100 * row.local_accuracy!, received: 100 * row.copied_accuracy! })),
    )
    expect(html).toContain('0 of 2 owners are better off with the unified model')
    expect(await page(folder({ a: { config: { ...H, rounds: 1 } } }))).not.toContain('id="g1-owners"')
  })

  it('shows what was changed, then the defaults, and no option of what was not chosen', async () => {
    const html = await page('results/reference/table4')
    const block = html.slice(html.indexOf('id="g1-manifest"'))
    const [changed = '', folded = ''] = block.split('<details>')
    expect([...changed.matchAll(/<dt>([^<]*)/g)].map(([, key]) => key)).toEqual([
      ...['env', 'init', 'merge', 'rounds', 'optimizer', 'lr', 'lr-schedule', 'engine'],
    ])
    expect(folded).toContain('<dt>batch</dt><dd>64</dd>')
    expect(block).not.toMatch(/lr-step|max-local-epochs/)
    expect(html).toContain('<h1>table4: avg, max and absmax, 2 owners, environment H</h1>')
    expect(html).toContain('run on 23 November 2026')
  })

  it('cannot be broken by names', async () => {
    const dir = folder({ a: { config: { ...H, data: '"><script>alert(1)</script>' } } })
    expect(await page(dir)).not.toContain('<script>alert')
  })

  it('stands beside the paper only where that is about the same', async () => {
    expect(text(await page(folder({ a: { config: { env: 'V', rounds: 2, owners: 4 } } })))).not.toContain(
      'Beside the paper',
    )
    expect(text(await page(folder({ a: { config: { rounds: 2, env: 'V' } } })))).toContain('Beside the paper’s Table 3')
    const other = await page(folder({ a: { config: { ...H, dataset: 'idx', data: 'x' } } }))
    expect(text(other)).not.toContain('Beside the paper')
    expect(other).not.toContain('Ankle boot')
  })

  it('stays small', async () => {
    expect((await page(folder({ a: { config: { ...H, rounds: 50 } } }))).length).toBeLessThan(400_000)
    const many = await page(folder({ a: { config: { env: 'dirichlet', alpha: 1, owners: 500, rounds: 3 } } }))
    expect(many.length).toBeLessThan(600_000)
    expect(text(many)).toContain('median of 500 owners')
    expect(text(many)).toContain('The first 24 of 500 owners')
  })
})

describe('several runs', () => {
  it('of one experiment are one group: mean, deviation, band', async () => {
    const dir = folder({ s0: { config: H }, s1: { config: { ...H, seed: 1 } } })
    const [group, ...others] = await groupsOf(dir)
    expect(others).toEqual([])
    const verdict = verdictOf(group!, undefined)!
    const ends = group!.runs.map(
      ({ tables }) => 100 * tables.unified.filter((r) => r.merge === 'avg').at(-1)!.accuracy!,
    )
    expect(verdict.unified.mean).toBeCloseTo((ends[0]! + ends[1]!) / 2, 9)
    expect(verdict.unified.sd).toBeCloseTo(Math.abs(ends[0]! - ends[1]!) / Math.SQRT2, 9)
    expect(await page(dir)).toContain('class="band c1"')
  })

  it('of other experiments are told apart by what differs', async () => {
    const dir = folder({ a: { config: H }, b: { config: { ...H, env: 'V', lr: 0.05 } } })
    const groups = await groupsOf(dir)
    expect(groups.map(({ label }) => label)).toEqual(['env H, lr 0.1', 'env V, lr 0.05'])
    const named = folder({ a: { config: { ...H, name: 'a' } }, b: { config: { env: 'V', name: 'b', lr: 0.05 } } })
    expect((await groupsOf(named)).map(({ label }) => label)).toEqual(['a', 'b'])
    const html = await page(dir)
    expect(html).toContain('href="#g2"')
    expect(text(html)).toMatch(/1\. env H, lr 0\.1 [\d.]+ % after 4 rounds/)
    const short = folder({ a: { config: { ...H, rounds: 1 } }, b: { config: { env: 'V', rounds: 1 } } })
    expect(await page(short)).toMatch(/\d\u00a0% after 1 round</)
    const seeds = folder({ a: { config: H }, b: { config: { ...H, seed: 1 } }, c: { config: { ...H, env: 'V' } } })
    expect(await page(seeds)).toContain('Bands are ± one standard deviation')
    expect(html).toContain('id="overview"')
    expect(new Set(html.match(/ id="[^"]+"/g)).size).toBe(html.match(/ id="[^"]+"/g)!.length)
  })

  it('stand in the overview as in their chapters, and without columns that would be empty', async () => {
    const own = { env: 'dirichlet', alpha: 1, rounds: 2 }
    const overview = async (...merges: string[]) => {
      const runs = merges.map((merge, i) => [`r${i}`, { config: { ...own, merge: [merge], lr: 0.1 * (i + 1) } }])
      const html = await page(folder(Object.fromEntries(runs)))
      expect(html).not.toContain('Bands are')
      const table = html.slice(html.indexOf('id="verdict"'), html.indexOf('id="overview"'))
      return { table, looks: [...table.matchAll(/<g class="(c\d)">/g)].map(([, look]) => look) }
    }
    const { table, looks } = await overview('absmax', 'avg')
    expect(looks).toEqual(['c3', 'c1'])
    expect(
      [...table.matchAll(/<th scope="col"><button type="button" data-sort>([^<]*)/g)].map(([, head]) => head),
    ).toEqual([...['no.', 'lr', 'merge', 'unified %', 'best round %', 'rounds', 'seeds']])
    expect(table).not.toContain('over the seeds')
    // A colour is a merge rule, everywhere on the page: experiments of one rule differ in their dashes.
    const same = await overview('max', 'max')
    expect(same.looks).toEqual(['c2', 'c2'])
    expect(same.table.match(/stroke-dasharray/g)).toHaveLength(1)
  })

  it('of several epsilons have what noise costs in accuracy, a line for each experiment', async () => {
    const at = (owners: number, privacy: object, seed = 0) => ({
      config: { env: 'V', owners, rounds: 1, seed, privacy: { level: 'owner', clip: 1, ...privacy } },
    })
    const runs = {
      a: at(3, { epsilon: 4 }),
      b: at(3, { epsilon: 1 }),
      c: at(3, { epsilon: 1 }, 1),
      d: at(3, { noise: 0 }),
    }
    const dir = folder({ ...runs, e: at(5, { epsilon: 4 }), plain: { config: { env: 'V', rounds: 1 } } })
    const html = await page(dir)
    const drawn = html.slice(html.indexOf('<figure id="budgets"'), html.indexOf('id="overview"'))
    const cells = [...drawn.matchAll(/<t[hd][^>]*>([^<]*)<\/t[hd]>/g)].map(([, cell]) => cell)
    expect(cells.slice(0, 5)).toEqual(['epsilon', '1', '4', 'no noise', 'owners 3'])
    const verdicts = (await groupsOf(dir)).map((group) => verdictOf(group, undefined)!.unified.mean.toFixed(2))
    expect(cells[5]).toMatch(new RegExp(`^${verdicts[1]} ± `))
    expect(cells.slice(6)).toEqual([verdicts[0], verdicts[2], 'owners 5', '', verdicts[3], ''])
    expect(text(drawn)).toContain('The smaller the epsilon, the less a model tells of an owner')
    expect(await page(folder({ a: runs.a, e: at(5, { epsilon: 4 }) }))).not.toContain('id="budgets"')
  })

  it('draw all experiments of several epsilons, however far apart', async () => {
    const at = (merge: string, epsilon: number) => ({
      config: { env: 'V', rounds: 3, merge: [merge], privacy: { level: 'record', clip: 1, epsilon } },
    })
    const html = await page(folder({ a: at('avg', 1), b: at('avg', 4), c: at('max', 1), d: at('max', 4) }))
    const drawn = html.slice(html.indexOf('<figure id="budgets"'), html.indexOf('id="overview"'))
    const [, low, high] = text(drawn).match(/merge avg: ([\d.]+), .*?; merge max: ([\d.]+)/)!
    expect(Number(low) - Number(high)).toBeGreaterThan(15)
    expect(drawn).not.toContain('outliers')
  })

  it('are judged by those that finished', async () => {
    const dir = folder({ s0: { config: H }, s1: { config: { ...H, seed: 1 }, done: 2, status: 'interrupted' } })
    const [group] = await groupsOf(dir)
    expect(verdictOf(group!, undefined)).toMatchObject({ round: 4, seeds: 1 })
    expect(text(await page(dir))).toContain('was interrupted: 2 of 4 rounds shown')
  })

  it('of one config and seed count once, the furthest', async () => {
    const dir = folder({ again: { config: H, done: 1, status: 'failed' }, one: { config: H } })
    const [group] = await groupsOf(dir)
    expect(verdictOf(group!, undefined)).toMatchObject({ round: 4, seeds: 1, unified: { sd: Number.NaN } })
    expect(text(await page(dir))).toContain('again has the same config and seed as another run')
  })

  it('are found in a batch and in a results folder, each once', async () => {
    const dir = folder({ 'one/s0': {}, 'one/s1': { config: { seed: 1 } }, 'two/x': {} })
    expect(await readRecords([dir])).toHaveLength(3)
    expect(await readRecords([join(dir, 'one'), join(dir, 'one', 's0'), join(dir, 'one', '.', 's0')])).toHaveLength(2)
  })
})

describe('an unfinished run', () => {
  it.each([
    ['running', 'is not finished: it is still running, or was killed; 1 of 4 rounds shown'],
    ['failed', 'failed (owner 2: loss is NaN): 1 of 4 rounds shown'],
  ] as const)('that is %s is shown as far as it came', async (status, banner) => {
    const html = await page(folder({ a: { config: H, done: 1, status, reason: 'owner 2: loss is NaN' } }))
    expect(text(html)).toContain(banner)
    expect(html).toContain('id="g1-accuracy"')
    expect(html).not.toMatch(/NaN(?!\))|undefined|Infinity/)
  })

  it('without a round says so and shows the shards', async () => {
    const dir = folder({ a: { config: H, done: 0, status: 'interrupted' } })
    expect(text(await page(dir))).toContain('No round was finished')
    for (const file of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'events.jsonl'])
      rmSync(join(dir, 'a', file))
    const html = await page(dir)
    expect(html).toContain('id="g1-shards"')
    expect(html).not.toContain('id="g1-accuracy"')
  })

  it.each([
    ['no evaluated round', { rounds: 8, 'evaluate-every': 4 }, 3],
    ['an evaluated round before the last', { rounds: 8, 'evaluate-every': 2 }, 3],
  ])('with %s does not say that the owners share no metrics', async (_, given, done) => {
    const html = await page(folder({ a: { config: { ...H, ...given }, done, status: 'interrupted' } }))
    expect(text(html)).toContain('The last finished round was not evaluated.')
    expect(html).not.toMatch(/share no metrics|NaN|undefined|Infinity/)
    expect(html.includes('id="g1-accuracy"')).toBe(given['evaluate-every'] < done)
  })

  it('and others like it, many of them, have no drawing where none has an accuracy', async () => {
    const runs = Array.from({ length: 7 }, (_, i): [string, FakeRun] => {
      const config = { ...H, lr: 0.01 * (i + 1), 'evaluate-every': 4, rounds: 8 }
      return [`r${i}`, { config, done: i === 6 ? 0 : 3, status: 'interrupted' }]
    })
    const html = await page(folder(Object.fromEntries(runs)))
    expect(html.match(/<span class="sub">no accuracy<\/span>/g)).toHaveLength(7)
    expect(html).not.toContain('id="overview"')
    expect(html).not.toMatch(/NaN|undefined|Infinity/)
    expect(text(html).match(/The last finished round was not evaluated\./g)).toHaveLength(6)
  })

  it('with a torn line, or without events, says what is left out', async () => {
    const dir = folder({ a: { config: H } })
    const events = join(dir, 'a', 'events.jsonl')
    appendFileSync(events, '{"type":"owner-tr')
    expect(text(await page(dir))).toContain('last line was cut short')
    rmSync(events)
    const html = await page(dir)
    expect(text(html)).toContain('has no events.jsonl')
    expect(html).not.toContain('id="g1-confusion"')
    expect(html).toContain('id="g1-accuracy"')
  })
})

describe('the command', () => {
  it('writes the page and prints its path', async () => {
    const dir = folder({ a: { config: H } })
    const file = join(dir, 'a', 'report.html')
    const { code, out, err } = await cli(join(dir, 'a'))
    expect([code, out, err.replace(NO_HASHES, '')]).toEqual([0, `${file}\n`, ''])
    expect(readFileSync(file, 'utf8')).toContain('<!doctype html>')
    const other = join(dir, 'other.html')
    expect(await cli(join(dir, 'a'), '--out', other)).toMatchObject({ code: 0, out: `${other}\n` })
  })

  it('ends with 3 and a hint where there is no run, or a torn one, and writes nothing', async () => {
    const dir = folder({ a: { config: H }, b: { config: H } })
    const empty = join(dir, 'empty')
    mkdirSync(empty)
    writeFileSync(join(dir, 'a', 'unified.csv'), readFileSync(join(dir, 'a', 'unified.csv'), 'utf8').slice(0, -24))
    writeFileSync(join(dir, 'b', 'manifest.json'), '{"status": "fin')
    for (const [path, message] of [
      [join(dir, 'none'), 'no such folder'],
      [join(dir, 'none*'), 'the glob matches no run'],
      [join(dir, 'a', 'unified.csv'), 'a file, not the folder of a run'],
      [empty, 'nor one with runs in it'],
      [join(dir, 'a'), 'unified.csv'],
      [join(dir, 'b'), 'not the manifest of a fedunify run'],
    ] as const) {
      const { code, err, out } = await cli(path)
      expect({ code, out }).toEqual({ code: 3, out: '' })
      expect(err).toContain(message)
      expect(err).toContain('hint:')
      expect(existsSync(join(path, 'report.html'))).toBe(false)
    }
  })

  it('ends with 2 on wrong usage', async () => {
    expect((await cli()).code).toBe(2)
    const dir = folder({ a: {} })
    const nowhere = join(dir, 'a', 'manifest.json', 'below.html')
    const below = await cli(dir, '--out', nowhere)
    expect({ ...below, err: below.err.replace(NO_HASHES, '') }).toMatchObject({
      code: 2,
      err: `error: cannot write ${nowhere}: ENOTDIR: not a directory\nhint: name another file with --out, or - for stdout\n`,
    })
    const made = join(dir, 'no', 'such', 'folder.html')
    expect(await cli(dir, '--out', made)).toMatchObject({ code: 0, out: `${made}\n` })
    expect((await cli(dir, '--out', dir)).err).toContain(`cannot write ${dir}: it is a folder\n`)
    expect((await cli(dir, '--out', '')).err).toContain('--out is empty')
  })
})
