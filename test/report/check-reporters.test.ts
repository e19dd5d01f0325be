import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { RunOutcomes } from '../../src/check/outcome.ts'
import { destinations } from '../../src/report/check/destinations.ts'
import { githubReport, githubSummary } from '../../src/report/check/github.ts'
import { jsonReport } from '../../src/report/check/json.ts'
import { junitReport } from '../../src/report/check/junit.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

afterEach(() => vi.unstubAllEnvs())

describe('where reports go', () => {
  it.each<[readonly string[], readonly string[], string[]]>([
    [[], [], ['terminal -']],
    [[], ['out.txt'], ['terminal out.txt']],
    [['junit'], ['check.xml'], ['junit check.xml']],
    [['terminal', 'junit'], ['junit=check.xml'], ['terminal -', 'junit check.xml']],
    [[], ['junit=a.xml', 'json=b.json'], ['terminal -', 'junit a.xml', 'json b.json']],
    [
      ['terminal', 'junit'],
      ['check.xml', 'junit=a.xml'],
      ['terminal check.xml', 'junit a.xml'],
    ],
    [['terminal', 'github'], [], ['terminal -', 'github -']],
    [['json'], ['a=b.json'], ['json a=b.json']],
  ])('%j and %j', (reporters, outputs, expected) => {
    const found = destinations(reporters as never, outputs, false)
    expect(found.map(({ reporter, file }) => `${reporter} ${file}`)).toEqual(expected)
  })

  it.each<[readonly string[], readonly string[], string]>([
    [['terminal', 'junit'], [], 'terminal and junit would be mixed on stdout'],
    [['json', 'junit'], ['json=-'], 'json and junit would be mixed on stdout'],
    [['terminal', 'junit'], ['check.xml'], '--output check.xml: it does not say which reporter'],
    [['json'], ['a', 'b'], '--output FILE is given twice'],
    [['json'], ['json=a', 'json=b'], '--output json=FILE is given twice'],
  ])('refuses %j and %j', (reporters, outputs, message) => {
    expect(() => destinations(reporters as never, outputs, false)).toThrow(message)
  })

  it('adds annotations in a workflow, but not to what a program reads', () => {
    const names = (reporters: readonly string[], outputs: readonly string[]) =>
      destinations(reporters as never, outputs, true).map(({ reporter, file }) => `${reporter} ${file}`)
    expect(names([], [])).toEqual(['terminal -', 'github -'])
    expect(names([], ['junit=a.xml'])).toEqual(['terminal -', 'junit a.xml', 'github -'])
    expect(names(['json'], [])).toEqual(['json -'])
    expect(names(['github'], [])).toEqual(['github -'])
  })
})

const EVIL = 'a,b:c%\n::error::owned\r\n##[error]owned <img src=x> | [x](y)'
const MISS: RunOutcomes = {
  path: EVIL,
  notes: [EVIL],
  outcomes: [
    {
      ...{ status: 'missed', subject: 'unified avg at end', expected: 'at least 60.00 %', got: '50.00 % in round 3' },
      ...{ file: `${EVIL}/unified.csv`, line: 4, from: 'gate.yaml:2', fromFile: 'gate.yaml', fromLine: 2, hint: EVIL },
      ...{ value: 0.5, limit: 0.6, pointsShort: 10, round: 3, merge: 'avg' },
    },
    { status: 'met', subject: 'run', expected: 'finished', got: 'finished after 3 rounds', file: 'manifest.json' },
  ],
}

describe('what a report says of a miss', () => {
  it('json: the numbers', () => {
    expect(JSON.parse(jsonReport([MISS]))).toMatchObject({
      ...{ format: 1, met: 1, missed: 1, errors: 0 },
      runs: [
        {
          outcomes: [
            {
              ...{ run: EVIL, value: 0.5, limit: 0.6, points_short: 10, round: 3, merge: 'avg', line: 4 },
              ...{ from: 'gate.yaml:2', from_file: 'gate.yaml', from_line: 2 },
            },
            {},
          ],
        },
      ],
    })
  })

  it('github: one command, at the line of the expectation in the repository', () => {
    const report = githubReport([MISS])
    expect(report.split('\n')).toHaveLength(2)
    expect(report).toMatch(/^::error file=gate\.yaml,line=2,title=a%2Cb%3Ac%25\\n%3A%3Aerror%3A%3Aowned/)
    expect(report).toContain(
      '::expected at least 60.00 %25, got 50.00 %25 in round 3: missed by 10.00 points (gate.yaml:2) - ',
    )
  })

  it('the summary of a step: a table that no name can leave', () => {
    const summary = githubSummary([MISS])
    expect(summary).toMatch(/^### ❌ fedunify check: 2 expectations of 1 run: 1 met, 1 missed\n/)
    expect(summary.split('\n').filter((line) => /^(::|##\[)/.test(line))).toEqual([])
    expect(summary).not.toMatch(/(?<!\\)<img/)
    expect(summary).toContain('\\<img src=x\\> \\| \\[x\\](y)')
    const rows = summary.split('\n').filter((line) => line.startsWith('|'))
    expect(rows.map((line) => line.replaceAll('\\|', '').split('|').length)).toEqual(Array(6).fill(8))
  })

  /** Jenkins' xUnit plug-in, junit-10.xsd: attributes and children of each element. */
  const SCHEMA: Readonly<Record<string, { attributes: string[]; children: string[] }>> = {
    testsuites: { attributes: ['name', 'time', 'tests', 'failures', 'disabled', 'errors'], children: ['testsuite'] },
    testsuite: {
      attributes: [
        'name',
        'tests',
        'failures',
        'errors',
        'time',
        'disabled',
        'skipped',
        'timestamp',
        'hostname',
        'id',
        'package',
      ],
      children: ['properties', 'testcase', 'system-out', 'system-err'],
    },
    testcase: {
      attributes: ['name', 'assertions', 'time', 'classname', 'status'],
      children: ['skipped', 'error', 'failure', 'system-out', 'system-err'],
    },
    failure: { attributes: ['type', 'message'], children: [] },
    error: { attributes: ['type', 'message'], children: [] },
    'system-out': { attributes: [], children: [] },
  }

  it('junit keeps to the schema, with a name of its own for each test case', () => {
    const twice = {
      ...MISS,
      outcomes: [...MISS.outcomes, MISS.outcomes[0]!, { ...MISS.outcomes[0]!, status: 'error' as const }],
    }
    const report = junitReport([twice])
    const open: string[] = []
    const names: string[] = []
    for (const [, end, name, attributes, empty] of report.matchAll(/<(\/?)([a-z-]+)((?: [a-z]+="[^"]*")*)(\/?)>/g)) {
      if (end) {
        open.pop()
        continue
      }
      const parent = open.at(-1)
      if (parent) expect(SCHEMA[parent]!.children).toContain(name)
      const keys = [...attributes!.matchAll(/ ([a-z]+)="([^"]*)"/g)]
      for (const [, key] of keys) expect(SCHEMA[name!]!.attributes, `${name} ${key}`).toContain(key)
      if (name === 'testcase') names.push(keys.find(([, key]) => key === 'name')![2]!)
      if (!empty) open.push(name!)
    }
    expect(names).toHaveLength(4)
    expect(new Set(names).size).toBe(4)
    expect(report).toContain('missed by: 10.00 points')
  })
})

describe('in a workflow of GitHub', () => {
  function workflow() {
    const folder = temporaryFolder()
    const run = writeRun(join(folder, 'a'), { expect: [{ metric: 'unified', min: 0.8 }] })
    const summary = join(folder, 'summary.md')
    writeFileSync(summary, 'before\n')
    vi.stubEnv('GITHUB_ACTIONS', 'true')
    vi.stubEnv('GITHUB_STEP_SUMMARY', summary)
    return { run, summary }
  }

  it('annotations and the summary come by themselves, and the sum once', async () => {
    const { run, summary } = workflow()
    const { code, out, err } = await fedunify(['check', run])
    expect(code).toBe(1)
    expect(out).toMatch(/^::error file=.*unified\.csv,line=4,title=/m)
    expect(`${out}${err}`.match(/2 expectations of 1 run/g)).toHaveLength(1)
    expect(readFileSync(summary, 'utf8')).toMatch(/^before\n### ❌ fedunify check/)
    const json = await fedunify(['check', run, '--reporter', 'json'])
    expect(JSON.parse(json.out)).toMatchObject({ missed: 1 })
  })

  it('a summary that cannot be written does not change the verdict', async () => {
    const { run } = workflow()
    const gone = mkdtempSync(join(tmpdir(), 'test-'))
    rmSync(gone, { recursive: true })
    vi.stubEnv('GITHUB_STEP_SUMMARY', join(gone, 'summary.md'))
    const { code, err } = await fedunify(['check', run])
    expect([code, err]).toEqual([1, expect.stringContaining('note: no summary of this step: ENOENT')])
  })

  it('a line of a path is no command', async () => {
    const { run } = workflow()
    const odd = join(run, '..', 'x\n::error::owned')
    cpSync(run, odd, { recursive: true })
    const { code, out } = await fedunify(['check', odd])
    expect(code).toBe(1)
    expect(out).toContain('x\\n')
    expect(out.split('\n').filter((line) => line.startsWith('::'))).toEqual([expect.stringMatching(/^::error file=/)])
  })
})

it('several reports are written at once, and none is lost if one cannot be', async () => {
  const folder = temporaryFolder()
  const run = writeRun(join(folder, 'a'), { expect: [{ metric: 'unified', min: 0.7 }] })
  const [xml, json] = [join(folder, 'check.xml'), join(folder, 'check.json')]
  const both = ['--output', `junit=${xml}`, '--output', `json=${json}`]
  const { code, out } = await fedunify(['check', run, ...both])
  expect([code, out]).toEqual([0, expect.stringContaining('2 expectations of 1 run: 2 met')])
  expect(readFileSync(xml, 'utf8')).toContain('<testsuites')
  expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ met: 2 })
  rmSync(json)
  const nowhere = ['--output', `junit=${join(run, 'unified.csv', 'x')}`, '--output', `json=${json}`]
  expect(await fedunify(['check', run, ...nowhere])).toMatchObject({ code: 2 })
  expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ met: 2 })
})
