import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fedunify as inProcess } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { edit, writeRun } from '../support/written-run.ts'

const fedunify = (...args: string[]) => inProcess(args)

const PASSING = [{ metric: 'unified', merge: 'avg', at: 'end', min: 0.7 }]

/** An expectations file in a folder of its own. */
function gate(yaml: string): string {
  const file = join(temporaryFolder(), 'gate.yaml')
  writeFileSync(file, yaml)
  return file
}

describe('fedunify check', () => {
  it('passes a run that meets what its experiment expects', async () => {
    const run = writeRun(join(temporaryFolder(), 'a'), { expect: PASSING, checkpoint: true })
    const { code, out, err } = await fedunify('check', run)
    expect(out).toContain('✓ met     unified avg at end  70.00 % in round 3, expected at least 70.00 %')
    expect(out).toContain('2 expectations of 1 run: 2 met')
    expect(err).toBe('')
    expect(code).toBe(0)
  })

  it('exits 1 on a miss, with expected, got, the row and where it was asked for', async () => {
    const run = writeRun(join(temporaryFolder(), 'a'))
    const file = gate('- { metric: unified, at: 1, min: 0.6 }\n- { metric: local, owner: 2, at: best, min: 0.9 }\n')
    const { code, out, err } = await fedunify('check', run, '--expect', file)
    expect(code).toBe(1)
    expect(out).toMatch(/✗ missed {2}unified avg at round 1 +expected at least 60\.00 %\n +got +50\.00 % in round 1/)
    expect(out).toContain(`${join(run, 'unified.csv')}:2\n`)
    expect(out).toContain(`${file}:1\n`)
    expect(out).toMatch(/✓ met {5}local owner 2 at best +97\.00 % in round 3/)
    // The sum is said once, by how much it was missed too.
    expect(out).toContain('3 expectations of 1 run: 2 met, 1 missed')
    expect(out).toMatch(/\n +by +10\.00 points\n/)
    expect(err).toBe(`error: ${run}: unified avg at round 1: missed by 10.00 points\n`)
  })

  it('takes all runs of a batch, whose --expect file may be the experiment file itself', async () => {
    const batch = temporaryFolder()
    for (const seed of [10, 2]) writeRun(join(batch, `s${seed}`), { seed })
    writeFileSync(join(batch, 'summary.csv'), 'group\n')
    const file = gate('env: H\nseeds: 2\nexpect:\n  - { metric: participants, each-round: 2 }\n')
    for (const named of [batch, `${batch}/`, `${batch}/s*`, join(batch, '*', 'manifest.json')]) {
      const { code, out } = await fedunify('check', named, '--expect', file, '--reporter', 'json')
      expect(code).toBe(0)
      expect(JSON.parse(out).runs.map((run: { path: string }) => run.path)).toEqual([
        join(batch, 's2'),
        join(batch, 's10'),
      ])
    }
  })

  it.each([
    ['a folder that is not there', 'none', 1, 'no such folder'],
    ['a glob that matches nothing', 'none/*', 1, 'the glob matches no run'],
    ['a folder without runs', '.', 3, 'not the folder of a run'],
  ])('fails for %s', async (_, named, exit, got) => {
    const { code, out } = await fedunify(
      'check',
      join(temporaryFolder(), named),
      '--expect',
      gate('- { metric: local, min: 0 }'),
    )
    expect(code).toBe(exit)
    expect(out).toContain(got)
  })

  it('tells of the other runs beside one that is missing', async () => {
    const folder = temporaryFolder()
    const run = writeRun(join(folder, 'a'), { expect: PASSING })
    const { code, out } = await fedunify('check', run, run, join(folder, 'b'))
    expect(code).toBe(1)
    expect(out).toContain('3 expectations of 2 runs: 2 met, 1 missed')
  })

  it('fails an unfinished run, and what was expected of its end', async () => {
    const unfinished = { status: 'interrupted', reason: 'Ctrl-C', rounds: 9, expect: PASSING } as const
    const { code, out } = await fedunify('check', writeRun(join(temporaryFolder(), 'a'), unfinished))
    expect(code).toBe(1)
    expect(out).toContain('interrupted after 3 of 9 rounds: Ctrl-C')
    expect(out).toContain('nothing: the run is not finished, only round 3 is done')
  })

  it('is no gate where nothing is expected', async () => {
    const folder = temporaryFolder()
    const none = await fedunify('check', writeRun(join(folder, 'a')))
    expect(none).toMatchObject({ code: 2, out: '' })
    expect(none.err).toContain('hint: give --expect FILE; for example expect:')
    writeRun(join(folder, 'b'), { expect: PASSING })
    const some = await fedunify('check', folder)
    expect(some.code).toBe(1)
    expect(some.out).toContain('expected at least one, as the other runs have')
  })

  it('fails an expectation that is one of none of the runs', async () => {
    const folder = temporaryFolder()
    for (const env of ['V', 'H']) writeRun(join(folder, env), { env })
    const file = gate(
      '- { metric: local, min: 0.9, when: { env: H, merge: avg } }\n- { metric: local, min: 0.9, when: { env: X } }\n',
    )
    const { code, out } = await fedunify('check', folder, '--expect', file)
    expect(code).toBe(1)
    expect(out).toContain('5 expectations of 2 runs: 4 met, 1 missed')
    expect(out).toContain('expected a run with env "X"')
  })

  it.each([
    ['[]', ':1: expect: expected at least 1 in the list, got []'],
    ['', ': holds no expectations'],
    ['expects: []', ': holds no expectations'],
    ['- { metric: local, mn: 0.5 }', ':1: unknown key "mn" in expect.0'],
    ['\n- { metric: unified, min: 78.68 }', ':2: expect.0.min: expected a number of at most 1, got 78.68'],
    ['- { metric: unified, merge: agv, min: 0.5 }', 'expected one of avg, max'],
    ['- { metric: local, at: last, min: 0.5 }', 'expected a round number, end or best, got "last"'],
    ['- { metric: local }', 'expected a min or a max'],
    ['- { metric: local, min: 0.9, max: 0.8 }', 'expected a number of at least min, which is 0.9, got 0.8'],
    ['- { metric: unified, max-gap-to: pooled }', 'expect.0.points: expected the percentage points'],
    ['- { metric: local, min: 0.5, points: 3 }', 'expected max-gap-to or max-drop-from beside points, got 3'],
    ['- { metric: labels, owner: 1, sha256: abc }', 'expected 64 hexadecimal digits'],
    ['- { metric: local, min: 0.5, when: { merg: avg } }', ':1: unknown key "merg" in when'],
    ['- {', 'the file must be YAML'],
  ])('refuses the expectations %j', async (yaml, message) => {
    const { code, err } = await fedunify('check', writeRun(join(temporaryFolder(), 'a')), '--expect', gate(yaml))
    expect(err).toContain(message)
    expect(code).toBe(2)
  })

  it('refuses an expectations file that is not there', async () => {
    const run = writeRun(join(temporaryFolder(), 'a'))
    expect(await fedunify('check', run, '--expect', join(run, 'x.yaml'))).toMatchObject({ code: 2 })
    expect(await fedunify('check', run, '--reporter', 'xml')).toMatchObject({ code: 2 })
  })
})

describe('a run folder that cannot be trusted', () => {
  it.each<[string, (run: string) => void, string]>([
    ['no manifest', (run) => rmSync(join(run, 'manifest.json')), 'manifest.json: no such file'],
    ['a torn manifest', (run) => truncateSync(join(run, 'manifest.json'), 90), 'not the manifest of a fedunify run'],
    ['a foreign manifest', (run) => writeFileSync(join(run, 'manifest.json'), '{"name":"x"}'), 'not the manifest'],
    ['an edited manifest', (run) => edit(join(run, 'manifest.json'), '"finished"', '"done"'), 'manifest.json: status:'],
    ['wrong expectations', (run) => edit(join(run, 'manifest.json'), '"min"', '"mni"'), 'unknown key "mni"'],
    ['fewer rounds', (run) => edit(join(run, 'manifest.json'), '"rounds": 3', '"rounds": 2'), 'of a run of 2 rounds'],
    [
      'more rounds',
      (run) => edit(join(run, 'manifest.json'), '"rounds": 3', '"rounds": 4'),
      'round 4 of avg is missing',
    ],
    ['no table', (run) => rmSync(join(run, 'local.csv')), 'local.csv: no such file'],
    ['a torn table', (run) => truncateSync(join(run, 'unified.csv'), 60), 'unified.csv'],
    ['another column', (run) => edit(join(run, 'unified.csv'), 'accuracy', 'precision'), 'has no column accuracy'],
    [
      'a word for a number',
      (run) => edit(join(run, 'unified.csv'), '0.75', 'good'),
      'unified.csv:3: accuracy: expected a number',
    ],
    [
      'a better number',
      (run) => edit(join(run, 'unified.csv'), '0.75', '0.85'),
      'avg is 75.00, where the other tables say 85.00',
    ],
    ['percent', (run) => edit(join(run, 'unified.csv'), '0.75', '75'), 'not a fraction'],
    ['a row twice', (run) => edit(join(run, 'unified.csv'), /(1,avg.*\n)/, '$1$1'), 'is there twice'],
    ['a row less', (run) => edit(join(run, 'local.csv'), /\n2,1.*\n/, '\n'), 'where the other tables say nothing'],
  ])('%s is an error with exit 3', async (_, damage, message) => {
    const run = writeRun(join(temporaryFolder(), 'a'), { expect: PASSING })
    damage(run)
    const { code, out } = await fedunify('check', run)
    expect(out).toContain(message)
    expect(out).toContain('✗ error')
    expect(code).toBe(3)
    const compared = await fedunify('compare', run, 'paper')
    if (!message.includes('mni')) expect(compared).toMatchObject({ code: 3, out: '' })
  })

  it.each<[string, (run: string) => void, string]>([
    ['one digit', (run) => edit(join(run, 'unified.csv'), '0.7,0.5', '0.7,0.4'), 'unified.csv: it was edited'],
    ['a row at the end', (run) => edit(join(run, 'local.csv'), /$/, '4,1,1,1,1,1,1\n'), 'longer than the run left it'],
    ['an end cut off', (run) => truncateSync(join(run, 'table.csv'), 40), 'shorter than the run left it'],
    [
      'a foreign checkpoint',
      (run) => writeFileSync(join(run, 'checkpoint.safetensors'), 'x'),
      'not a safetensors file',
    ],
  ])('%s is noticed by the checkpoint', async (_, damage, message) => {
    const run = writeRun(join(temporaryFolder(), 'a'), { expect: PASSING, checkpoint: true })
    damage(run)
    const { code, out } = await fedunify('check', run)
    expect(out).toContain(message)
    expect(code).toBe(3)
  })

  it('does not pass over a damaged folder of a batch', async () => {
    const batch = temporaryFolder()
    for (const seed of [0, 1]) writeRun(join(batch, `s${seed}`), { seed, expect: PASSING })
    rmSync(join(batch, 's1', 'manifest.json'))
    mkdirSync(join(batch, '.s2.tmp'))
    const { code, out } = await fedunify('check', batch)
    expect(out).toContain('3 expectations of 2 runs: 2 met, 1 with an error')
    expect(code).toBe(3)
  })
})

describe('reporters', () => {
  const odd = () => {
    const folder = join(temporaryFolder(), 'a <&"\', b')
    writeRun(join(folder, 'r'), { expect: [...PASSING, { metric: 'local', owner: 9, min: 0.9 }] })
    return join(folder, 'r')
  }

  it('json holds every outcome', async () => {
    const run = odd()
    const { out } = await fedunify('check', run, '--reporter', 'json')
    const report = JSON.parse(out)
    expect(report).toMatchObject({ met: 2, missed: 1, errors: 0, runs: [{ path: run }] })
    expect(report.runs[0].outcomes[2]).toMatchObject({ status: 'missed', file: join(run, 'local.csv') })
  })

  it('junit is well-formed, one suite for each run', async () => {
    const run = odd()
    const { out } = await fedunify('check', run, join(run, '\u0001none'), '--reporter', 'junit')
    expect(tags(out)).toEqual([
      'testsuites',
      'testsuite',
      ...Array(3).fill('testcase'),
      'failure',
      'system-out',
      'testsuite',
      'testcase',
      'failure',
    ])
    expect(out).toContain('<testsuites name="fedunify check" tests="4" failures="2" errors="0"')
    expect(out).toContain('a &lt;&amp;&quot;&apos;, b')
    expect(out).not.toContain('\u0001')
  })

  it('github annotates what was not met', async () => {
    const run = odd()
    const { out } = await fedunify('check', run, '--reporter', 'github')
    const [annotation, sum] = out.trim().split('\n')
    expect(annotation).toMatch(
      /^::error file=.*%2C b.*local\.csv,title=.*%3A local owner 9 at end::expected at least 90\.00 %25, got/,
    )
    expect(sum).toBe('3 expectations of 1 run: 2 met, 1 missed')
  })

  it('--output takes the place of stdout', async () => {
    const run = odd()
    const file = join(run, 'report.xml')
    const { out, err, code } = await fedunify('check', run, '--reporter', 'junit', '--output', file)
    expect(out).toBe('')
    expect(err).toContain(`see ${file}`)
    expect(readFileSync(file, 'utf8')).toMatch(/^<\?xml/)
    expect(code).toBe(1)
    const nowhere = await fedunify('check', run, '--output', join(file, 'x'))
    expect(nowhere).toMatchObject({
      code: 2,
      err: expect.stringMatching(/directory\nhint: name another .* --output, or - for stdout\n$/),
    })
  })
})

/** The elements of an XML text in their order; throws where it is not well-formed. */
function tags(xml: string): string[] {
  const body = xml.replace(/^<\?xml[^>]*\?>/, '')
  const token = /<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>|[^<]+/gy
  const open: string[] = []
  const seen: string[] = []
  let at = 0
  for (const match of body.matchAll(token)) {
    at += match[0].length
    if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(match[0])) throw new Error(`a bare & in ${match[0]}`)
    const [, end, name, , empty] = match
    if (!name) continue
    if (!end) seen.push(name)
    if (end && open.pop() !== name) throw new Error(`</${name}> closes another`)
    if (!end && !empty) open.push(name)
  }
  if (at !== body.length || open.length > 0) throw new Error(`not well-formed at ${body.slice(at, at + 40)}`)
  return seen
}
