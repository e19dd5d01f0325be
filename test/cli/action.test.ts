import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { BINARY } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'

const ACTION = resolve('action')
const { runs, inputs, outputs } = parse(readFileSync(join(ACTION, 'action.yml'), 'utf8')) as {
  inputs: Record<string, { default?: string; required?: boolean }>
  outputs: Record<string, { value: string }>
  runs: {
    using: string
    steps: { id?: string; if?: string; shell: string; run: string; env: Record<string, string> }[]
  }
}

const { folder, experiment } = workshop()

beforeAll(() => {
  mkdirSync(join(folder, 'gates'))
})

/** `${{ inputs.x }}` in a value of the environment. */
const filled = (text: string, given: Record<string, string>) =>
  text.replace(/\$\{\{ inputs\.(\w+) \}\}/g, (_, name: string) => given[name] ?? inputs[name]!.default ?? '')

/** Does the action's steps in a shell, as GitHub's runner would. */
function act(given: Record<string, string>, cwd = folder) {
  const temporary = temporaryFolder()
  const files = { GITHUB_OUTPUT: join(temporary, 'output'), GITHUB_STEP_SUMMARY: join(temporary, 'summary') }
  for (const file of Object.values(files)) writeFileSync(file, '')
  let [code, out] = [0, '']
  for (const step of runs.steps) {
    if (
      code !== 0 ||
      (step.if?.includes("inputs.batch == 'true'") && (given.batch ?? inputs.batch!.default) !== 'true')
    )
      continue
    const own = Object.entries(step.env).map(([key, value]) => [
      key,
      filled(value, { command: `${process.execPath} ${BINARY}`, ...given }),
    ])
    const { PATH, HOME } = process.env
    const env = {
      ...{ PATH, HOME, ...files, GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: folder, GITHUB_ACTION_PATH: ACTION },
      ...Object.fromEntries(own),
    }
    // As the runner calls bash where a step names it.
    const done = spawnSync('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', step.run], {
      ...{ cwd, env, encoding: 'utf8', timeout: 60_000 },
    })
    code = done.status ?? -1
    out += done.stdout + done.stderr
  }
  const read = (file: string) => readFileSync(file, 'utf8')
  return { code, out, output: read(files.GITHUB_OUTPUT), summary: read(files.GITHUB_STEP_SUMMARY) }
}

const gate = (max: number, name = 'gate') =>
  basename(experiment(name, { out: 'results', rounds: 1, expect: [{ metric: 'unified', max }] }))

describe('the action', () => {
  it('puts no input into a script, and names each that a step takes', () => {
    expect(runs.using).toBe('composite')
    for (const { run, shell, env } of runs.steps) {
      expect([shell, run]).toEqual(['bash', expect.not.stringContaining('${{')])
      for (const value of Object.values(env)) expect(Object.keys(inputs)).toContain(/inputs\.(\w+)/.exec(value)![1])
    }
    for (const { value } of Object.values(outputs))
      expect(value).toMatch(/^\$\{\{ steps\.check\.outputs\.(passed|junit) \}\}$/)
  })

  it('runs an experiment file and passes; the second time nothing is run', { timeout: 120_000 }, () => {
    const file = gate(1)
    const first = act({ gate: file })
    expect([first.code, first.output]).toEqual([0, 'passed=true\njunit=fedunify-check.xml\n'])
    expect(first.summary).toMatch(/^### ✅ fedunify check: 2 expectations of 1 run: 2 met\n/)
    expect(readFileSync(join(folder, 'fedunify-check.xml'), 'utf8')).toContain(
      '<testsuites name="fedunify check" tests="2"',
    )
    expect(act({ gate: file }).out).toContain('finished already')
    // A manifest means its run: there is nothing to do.
    const [run] = readdirSync(join(folder, 'results', 'gate')).filter((name) => name.startsWith('s0-'))
    const named = act({ gate: `results/gate/${run}/manifest.json` })
    expect([named.code, named.out]).toEqual([0, expect.not.stringContaining('skipped')])
  })

  it('fails by the gate as it stands now, with an annotation at its line', { timeout: 120_000 }, () => {
    const lines = readFileSync(join(folder, gate(0.001)), 'utf8').split('\n')
    const line = 1 + lines.findIndex((text) => text.includes('metric'))
    const { code, out, output, summary } = act({ gate: 'gate.yaml', batch: 'false', junit: '' })
    expect([code, output]).toEqual([1, 'passed=false\njunit=\n'])
    expect(out).toMatch(/^::error file=gate\.yaml,line=\d+,title=results\/gate\/.*::expected at most 0\.10 %25, got/m)
    expect(out).toContain(`file=gate.yaml,line=${line},`)
    expect(summary).toContain('### ❌ fedunify check: 2 expectations of 1 run: 1 met, 1 missed')
    expect(summary).toMatch(/\| results\/gate\/s0-[\da-f]{8} \| unified avg at end \| at most 0\.10 % \|/)
    // In a folder below that of the repository.
    writeFileSync(join(folder, 'gates', 'own.yaml'), '- { metric: unified, max: 0 }\n')
    const given = { gate: '../results/gate', expect: 'own.yaml', batch: 'false' }
    const below = act(given, join(folder, 'gates'))
    expect([below.code, below.out]).toEqual([1, expect.stringContaining('::error file=gates/own.yaml,line=1,')])
  })

  it('takes names with spaces and what a shell would run as names', () => {
    const evil = '$(touch ran) `touch ran`; touch ran'
    const { code, output } = act({ gate: `\n  \n${evil}\n`, batch: 'false' })
    expect([code, output]).toEqual([1, 'passed=false\njunit=fedunify-check.xml\n'])
    expect(existsSync(join(folder, 'ran'))).toBe(false)
    expect(act({ gate: ' \n' })).toMatchObject({ code: 2, output: '' })
  })
})

describe('the workflow of the example', () => {
  it('gives the action what it takes, and takes what it gives', () => {
    const { jobs, on } = parse(readFileSync('examples/github/accuracy-gate.yml', 'utf8'))
    expect(Object.keys(on)).toEqual(['pull_request', 'workflow_call'])
    const steps: { id?: string; uses?: string; with?: object }[] = jobs.gate.steps
    const own = steps.find(({ uses }) => uses?.includes('fedunify-gate'))!
    for (const name of Object.keys(own.with!)) expect(Object.keys(inputs)).toContain(name)
    const used = JSON.stringify(steps).matchAll(/steps\.accuracy\.outputs\.(\w+)/g)
    for (const [, name] of used) expect(Object.keys(outputs)).toContain(name)
  })
})
