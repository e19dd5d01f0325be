import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { visible } from '../../src/visible.ts'
import { encodeSafetensors } from '../../src/weights/safetensors.ts'
import { type Ended, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { editManifest } from '../support/run-folder.ts'
import { edit } from '../support/written-run.ts'

const { folder, experiment } = workshop()

/** What names and values of others may hold: colours, a title, a return, C1, turned text, and a command for CI. */
const EVIL = 'x\x1b[31mred\x1b]0;title\x07\rover\x9bA\x7f\u202etxt\n::error::owned\n##[error]owned'

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come out
const RAW = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
/** The sequences of our own colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const OURS = /\x1b\[(?:1|2|4|22|24|31|32|33|36|39)m/g
const COMMAND = /^\s*::|##\[|##vso\[|##teamcity\[/m
/** How an annotation of ours begins; what it says of others is behind that, on the same line. */
const ANNOTATION = /^::error (?:file=[^:,\n]*,)?(?:line=\d+,)?title=[^:\n]*::/gm

function expectHarmless({ out, err }: Pick<Ended, 'out' | 'err'>): void {
  for (const text of [out, err]) {
    expect(text).not.toMatch(RAW)
    expect(text.replace(ANNOTATION, '')).not.toMatch(COMMAND)
    expect(text).not.toMatch(/##\[/)
  }
}

let run: string
let evil: string
const gate = join(folder, `gate-${EVIL.replaceAll('/', '')}.yaml`)

beforeAll(async () => {
  await runBinary(['run', experiment('honest', { rounds: 2 }), '--run-id', 'a', '--quiet'])
  run = join(folder, 'results', 'honest', 'a')
  evil = join(folder, 'study', EVIL)
  mkdirSync(join(folder, 'study'))
  cpSync(run, evil, { recursive: true })
  writeFileSync(gate, '- { metric: unified, max: 0.00001 }\n- { metric: participants, each-round: 2 }\n')
})

/** A copy of the run with something changed. */
function changed(name: string, change: (dir: string) => void): string {
  const dir = join(folder, 'changed', name)
  cpSync(run, dir, { recursive: true })
  change(dir)
  return dir
}

const json = JSON.stringify(EVIL)

describe('names and values of others are text', () => {
  const calls: [string, () => string[]][] = [
    ['a run folder, checked', () => ['check', evil, '--expect', gate]],
    ['a study, checked', () => ['check', join(folder, 'study'), '--expect', gate]],
    ['JUnit', () => ['check', evil, '--expect', gate, '--reporter', 'junit']],
    ['JSON', () => ['check', evil, '--expect', gate, '--reporter', 'json']],
    ['compare', () => ['compare', evil, run]],
    ['compare as markdown', () => ['compare', evil, run, '--format', 'markdown']],
    ['compare as CSV', () => ['compare', evil, run, '--format', 'csv']],
    ['compare as JSON', () => ['compare', evil, run, '--format', 'json']],
    ['ls', () => ['ls', evil, run]],
    ['ls as Markdown', () => ['ls', evil, run, '--md']],
    ['ls as CSV', () => ['ls', evil, run, '--csv']],
    ['show', () => ['show', evil]],
    ['report', () => ['report', evil]],
    ['resume of a finished run', () => ['run', '--resume', evil]],
    ['a folder that is not there', () => ['check', `${evil}/no`, '--expect', gate]],
    ['an experiment that is not there', () => ['run', EVIL]],
    ['an unknown command', () => [EVIL]],
    ['an unknown option', () => ['run', `--${EVIL}`]],
    ['a value', () => ['run', '--env', EVIL]],
    ['--set of an unknown key', () => ['run', '--set', `${EVIL}=1`]],
    ['--set of a value', () => ['run', '--set', `lr=${json}`]],
    ['--run-id', () => ['run', '--run-id', EVIL]],
    ['--data', () => ['run', '--data', EVIL]],
    ['--out', () => ['run', experiment('out'), '--dry-run', '--out', EVIL]],
    ['config show', () => ['config', 'show', '--out', EVIL, '--data', EVIL]],
    ['config show --json', () => ['config', 'show', '--out', EVIL, '--json']],
    ['doctor', () => ['doctor', '--data', EVIL, '--out', `/proc/${EVIL}`]],
    ['data verify', () => ['data', 'verify', EVIL]],
    ['batch', () => ['batch', EVIL]],
    ['init', () => ['init', join(folder, EVIL.replaceAll('/', ''), 'a.yaml')]],
    ['completion', () => ['__complete', '--', 'check', `${folder}/study/`]],
    [
      'keys and values of an experiment file',
      () => {
        const file = join(folder, 'keys.yaml')
        writeFileSync(file, `${json}: 1\n`)
        return ['run', file]
      },
    ],
    [
      'a YAML error',
      () => {
        const file = join(folder, 'torn.yaml')
        writeFileSync(file, `a: [\x1b[31m\n\x9b::error::x\n`)
        return ['run', file]
      },
    ],
    [
      'values of a batch',
      () => {
        const file = join(folder, 'values.yaml')
        writeFileSync(file, `matrix: { data: [${json}, b] }\ndataset: idx\n`)
        return ['config', 'show', file]
      },
    ],
    [
      'a manifest',
      () => [
        'check',
        changed('reason', (dir) =>
          editManifest(dir, '"status": "finished",\n  "reason": "rounds"', `"status": "failed",\n  "reason": ${json}`),
        ),
        '--expect',
        gate,
      ],
    ],
    ['a status', () => ['check', changed('status', (dir) => editManifest(dir, '"finished"', json)), '--expect', gate]],
    [
      'a format',
      () => [
        'check',
        changed('format', (dir) => editManifest(dir, '"format": 3', `"format": ${json}`)),
        '--expect',
        gate,
      ],
    ],
    [
      'a cell of a table',
      () => [
        'compare',
        run,
        changed('cell', (dir) => {
          edit(join(dir, 'unified.csv'), 'accuracy', `"${EVIL}"`)
          editManifest(dir, /"files": \{[\s\S]*?\n {2}\},\n/, '')
          renameSync(join(dir, 'checkpoint.safetensors'), join(dir, 'elsewhere'))
        }),
      ],
    ],
    [
      'a tensor of a checkpoint',
      () => [
        'run',
        '--resume',
        changed('tensor', (dir) => {
          editManifest(dir, '"finished"', '"interrupted"')
          const weights = new Map([[EVIL, { shape: [1], data: new Float32Array(1) }]])
          writeFileSync(join(dir, 'checkpoint.safetensors'), encodeSafetensors(weights, { round: EVIL }))
        }),
      ],
    ],
  ]

  it.each(calls)('%s', async (_, call) => {
    const args = call()
    const plain = await runBinary(args, { cwd: folder, env: { GITHUB_ACTIONS: 'true', NO_COLOR: '1' } })
    expect(plain.code).not.toBeNull()
    expectHarmless(plain)
    expect(plain.err).not.toMatch(/this is a bug|^ {4}at /m)
    const colored = await runBinary(args, { cwd: folder, env: { FORCE_COLOR: '1' } })
    expectHarmless({ out: colored.out.replace(OURS, ''), err: colored.err.replace(OURS, '') })
  })

  it('annotations for GitHub are ours alone, one line each', async () => {
    const { out, code } = await runBinary(['check', evil, '--expect', gate, '--reporter', 'github'], { cwd: folder })
    expect(code).toBe(1)
    expect(out).not.toMatch(RAW)
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^::error file=[^:]*,line=\d+,title=[^:]*::expected at most /)
  })

  it('what is written into a file for CI is harmless too', async () => {
    for (const reporter of ['junit', 'github', 'terminal']) {
      const file = join(folder, `check.${reporter}`)
      await runBinary(['check', evil, '--expect', gate, '--reporter', reporter, '--output', file], { cwd: folder })
      const text = readFileSync(file, 'utf8')
      expect(text).not.toMatch(RAW)
      if (reporter !== 'github') expect(text).not.toMatch(/^\s*::/m)
    }
  })

  it('a formula is no formula in a CSV, nor a link in Markdown', async () => {
    for (const name of ['=cmd()', '+1', '-1', '@x', '[a](http://b)', '<img src=x>', '`a|b`', '![x](y)']) {
      cpSync(run, join(folder, 'formulas', name.replaceAll('/', '_')), { recursive: true })
    }
    const sides = (from: string) => ['compare', from.replaceAll('/', '_'), run]
    const cwd = join(folder, 'formulas')
    for (const name of ['=cmd()', '+1', '@x']) {
      const { out } = await runBinary([...sides(name), '--format', 'csv'], { cwd })
      expect(out).toContain(`,'${name},`)
      expect(out).not.toContain(`,${name},`)
    }
    for (const name of ['[a](http://b)', '<img src=x>', '`a|b`', '![x](y)']) {
      const { out } = await runBinary([...sides(name), '--format', 'markdown'], { cwd })
      expect(out).not.toContain(name.replaceAll('/', '_'))
      expect(out.replaceAll('\\', '')).toContain(name.replaceAll('/', '_'))
    }
  })
})

describe('visible', () => {
  it('keeps JSON what it is', () => {
    const value = { a: EVIL, b: '\u2028\t"\\ ü 漢 😀', c: '\n  ::warning::x' }
    expect(JSON.parse(visible(JSON.stringify(value, null, 2)))).toEqual(value)
  })

  it('leaves lines that are meant for CI where they are meant', () => {
    expect(visible('::error::a\n  ::b', { commands: true })).toBe('::error::a\n  ::b')
    expect(visible('::error::a\n  ::b\n\n::c')).toBe('\\u003a:error::a\n  \\u003a:b\n\n\\u003a:c')
    expect(visible('a ##[group]x ##vso[task] ##teamcity[y] a::b # ## [')).toBe(
      'a \\u0023#[group]x \\u0023#vso[task] \\u0023#teamcity[y] a::b # ## [',
    )
  })
})
