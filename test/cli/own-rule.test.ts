import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBinary, start } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { put, ruleText } from '../support/own-rule.ts'
import { eventsOf, manifestOf, putManifest, rowsOf } from '../support/run-folder.ts'

const EXAMPLE = readFileSync('examples/my-rule.mjs', 'utf8')

const { experiment, folder } = workshop()
const RESULTS = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']

/** What is said of a run of that rule beside avg, with the exit code; nothing may be left of it. */
async function refusal(text: string, ...args: string[]): Promise<[number, string]> {
  const name = `refused-${readdirSync(folder).length}`
  put(folder, `${name}/wrong.mjs`, text)
  const file = experiment(name, { name, rounds: 1, merge: ['avg', `./${name}/wrong.mjs`] })
  const { code, out, err } = await fedunify(['run', file, '--quiet', '--run-id', 'a', ...args])
  expect(out).toBe('')
  return [code, err.replaceAll(`${folder}/`, '')]
}

it('the example is run, killed, resumed elsewhere, checked, compared and reported', { timeout: 120_000 }, async () => {
  const here = temporaryFolder()
  put(here, 'my-rule.mjs', EXAMPLE)
  const file = experiment('own', { rounds: 40 })
  const given = ['run', file, '--merge', './my-rule.mjs:p=0.4,avg']
  expect(await runBinary([...given, '--run-id', 'whole', '--quiet'], { cwd: here })).toMatchObject({ code: 0, err: '' })
  const whole = join(folder, 'results', 'own', 'whole')
  const sha256 = expect.stringMatching(/^[\da-f]{64}$/)
  expect(manifestOf(whole)).toMatchObject({
    config: { merge: [{ 'my-rule': { p: 0.4 } }, 'avg'] },
    merge_rules: { 'my-rule': { file: 'my-rule.mjs', sha256 } },
  })
  for (const kept of ['manifest.json', 'config.yaml', 'events.jsonl']) {
    expect(readFileSync(join(whole, kept), 'utf8')).not.toContain(here)
  }
  expect(eventsOf(whole)[0]).toMatchObject({ type: 'started', merges: ['my-rule', 'avg'] })
  expect(Object.keys(rowsOf(whole, 'table.csv')[0]!)).toEqual(['epoch', 'local_1', 'local_2', 'my-rule', 'avg'])

  const killed = join(folder, 'results', 'own', 'killed')
  const { child, ended, says } = start([...given, '--run-id', 'killed', '--json'], { cwd: here })
  await says('round-finished')
  child.kill('SIGKILL')
  await ended
  // The run folder has all that it takes to go on.
  rmSync(join(here, 'my-rule.mjs'))
  expect(await runBinary(['run', '--resume', killed, '--quiet'], { cwd: '/' })).toMatchObject({ code: 0, err: '' })
  for (const name of RESULTS) {
    expect(readFileSync(join(killed, name)).equals(readFileSync(join(whole, name))), name).toBe(true)
  }

  // Whoever reads a run neither needs its rules nor runs them.
  const other = join(killed, 'rules', 'my-rule.mjs')
  writeFileSync(other, 'process.exit(77)\n')
  rmSync(join(whole, 'rules'), { recursive: true })
  const expectation = put(
    here,
    'expect.yaml',
    '- { metric: unified, merge: my-rule, min: 0.1, when: { merge: "./my-rule.mjs:p=0.4,avg" } }\n',
  )
  const runs = [whole, killed]
  const replaced = await runBinary(['check', ...runs, '--expect', expectation])
  expect([replaced.code, replaced.out]).toEqual([3, expect.stringContaining(`${other}: it is shorter than the run`)])
  rmSync(other)
  expect(await runBinary(['check', ...runs, '--expect', expectation])).toMatchObject({ code: 0 })
  const compared = await runBinary(['compare', ...runs])
  expect(compared.out).toMatch(/^end .*\n.*\n +my-rule +[\d.]+ +[\d.]+ +0\.00$/m)
  const page = join(here, 'report.html')
  expect(await runBinary(['report', ...runs, '--out', page])).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(page, 'utf8')).toContain('my-rule.mjs')
  const shown = await runBinary(['config', 'show', join(killed, 'config.yaml')])
  expect(shown.out).toMatch(/^ +merge\.my-rule\.p +0\.4 /m)
})

describe('a run goes on with no other rule', () => {
  const file = experiment('changed', { rounds: 3, merge: ['avg', './changing.mjs'] })
  const run = join(folder, 'results', 'changed', 'a')

  it('than that which it was begun with', { timeout: 60_000 }, async () => {
    put(folder, 'changing.mjs', ruleText())
    const stop = new AbortController()
    const seen = (text: string) => text.includes('"round-finished"') && stop.abort(new Error('stopped'))
    const stopped = await fedunify(['run', file, '--run-id', 'a', '--json'], { signal: stop.signal, out: seen })
    expect(stopped.code).toBe(130)
    expect(manifestOf(run).status).not.toBe('finished')

    put(folder, 'changing.mjs', `${ruleText()}// another\n`)
    const differ =
      /: changing\.mjs \(run: "sha256 [\da-f]{12}", now: "sha256 [\da-f]{12}"\) differs\nhint: resume with what/
    for (const dry of [[], ['--dry-run']]) {
      const changed = await fedunify(['run', file, '--resume', run, '--quiet', ...dry])
      expect([changed.code, changed.err]).toEqual([2, expect.stringMatching(differ)])
    }
    const kept = join(run, 'rules', 'changing.mjs')
    writeFileSync(kept, `${ruleText()}// edited\n`)
    const edited = await fedunify(['run', '--resume', run, '--quiet'])
    expect([edited.code, edited.err]).toEqual([2, expect.stringMatching(differ)])

    writeFileSync(kept, ruleText())
    expect(await fedunify(['run', '--resume', run, '--quiet'])).toMatchObject({ code: 0, err: '' })
    const finished = await fedunify(['run', file, '--resume', run, '--quiet'])
    expect([finished.code, finished.err]).toEqual([2, expect.stringMatching(differ)])
  })

  it.each<[string, (manifest: Record<string, object>) => void, string]>([
    [
      'a hash',
      (m) => Object.assign(m.merge_rules!, { changing: { file: 'changing.mjs', sha256: '0'.repeat(64) } }),
      'config does not match config_hash',
    ],
    [
      'a name',
      (m) => Object.assign(m.merge_rules!, { other: { file: 'other.mjs', sha256: '0'.repeat(64) } }),
      'merge_rules has other, which config does not',
    ],
    [
      'a file',
      (m) => Object.assign(m.merge_rules!, { changing: { file: 'lr', sha256: '0'.repeat(64) } }),
      'merge_rules.changing.file: ',
    ],
    ['all', (m) => delete m.merge_rules, 'config does not match config_hash'],
  ])('and its manifest says which: %s of it cannot be edited', async (_, edit, message) => {
    const copy = temporaryFolder()
    const manifest = manifestOf(run)
    edit(manifest)
    putManifest(copy, manifest)
    const { code, err } = await fedunify(['compare', copy, copy])
    expect([code, err]).toEqual([3, expect.stringContaining(message)])
  })
})

it('a batch runs it, and runs it anew once it has changed', { timeout: 120_000 }, async () => {
  const file = experiment('study', { rounds: 1, matrix: { merge: [['avg', './study.mjs']] } })
  put(folder, 'study.mjs', ruleText())
  expect(await fedunify(['batch', file, '--dry-run'])).toMatchObject({ code: 0, err: '' })
  expect(existsSync(join(folder, 'results', 'study'))).toBe(false)
  const runs = () => readdirSync(join(folder, 'results', 'study')).filter((name) => name.startsWith('avg+study-s0-'))
  for (const times of [1, 1]) {
    expect(await fedunify(['batch', file])).toMatchObject({ code: 0 })
    expect(runs()).toHaveLength(times)
  }
  put(folder, 'study.mjs', `${ruleText()}\n`)
  expect(await fedunify(['batch', file])).toMatchObject({ code: 0 })
  expect(runs()).toHaveLength(2)
})

describe('a rule that looks at whole models', () => {
  const LOOK = `uses: () => ['base', 'labels'],
  make: () => ({
    look(models, owners, { base }) {
      const moved = models.map((model) => {
        let sum = 0
        for (const [name, { data }] of model) data.forEach((value, i) => (sum += (value - base.get(name).data[i]) ** 2))
        return sum
      })
      if (owners.some(({ trainLabels }) => trainLabels.length !== 4)) throw new Error('which labels?')
      const most = moved.indexOf(Math.max(...moved))
      return (values, _owners, out) => void out.set(values[most])
    },
  })`

  it('runs as any other', async () => {
    const file = put(folder, 'farthest.mjs', ruleText(LOOK))
    const { code, err } = await fedunify(['run', experiment('look'), '--merge', `avg,${file}`, '--run-id', 'look'])
    expect(code, err).toBe(0)
  })

  it('is refused where there is no model to go on from', async () => {
    const file = put(folder, 'farthest.mjs', ruleText(LOOK))
    const { code, err } = await fedunify(['run', experiment('look', { init: 'independent' }), '--merge', file])
    expect(code).toBe(2)
    expect(err).toContain(
      'error: merge farthest goes on from the model that all owners received, but with init independent',
    )
  })
})

describe('a rule that misbehaves', () => {
  it.each([
    ['make() { throw new Error("no") }', '(wrong.mjs:3): make threw no'],
    ['make: () => 3', '(wrong.mjs): make returned a Number'],
    ['make: () => ({ look: 3 })', '(wrong.mjs): make returned a Object'],
    ['make: () => () => {}, uses: () => ["bases"]', '(wrong.mjs): uses returned ["bases"]'],
    ['make: () => () => {}, check: () => true', '(wrong.mjs): check returned a Boolean'],
    ['make: () => () => {}, check: (_, n) => n.x.y', '(wrong.mjs:3): check threw Cannot read'],
    ['make: () => () => {}, check: (_, owners) => owners + " are too few"', '(wrong.mjs): 2 are too few'],
  ])('before its first round is refused: %s', async (rule, message) => {
    for (const more of [[], ['--dry-run']]) {
      const [code, err] = await refusal(ruleText(rule), ...more)
      expect([code, err]).toEqual([2, expect.stringContaining(`error: merge wrong ${message}`)])
    }
    expect(existsSync(join(folder, 'results', 'refused'))).toBe(false)
  })

  it.each([
    ['() => { throw new Error("no") }', '(wrong.mjs:3), tensor conv1.weight: the rule threw no'],
    ['() => { null.x }', '(wrong.mjs:3), tensor conv1.weight: the rule threw Cannot read'],
    // After it could be made once, before the run.
    [
      '{ if (globalThis.madeBefore) throw new Error("no more"); globalThis.madeBefore = 1; return () => {} }',
      '(wrong.mjs:3): make threw no more',
    ],
    ['() => [1, 2]', '(wrong.mjs), tensor conv1.weight: the rule returned 2 values'],
    ['async () => {}', '(wrong.mjs), tensor conv1.weight: the rule returned a Promise'],
    ['() => {}', '(wrong.mjs), tensor conv1.weight: the rule left element 0 of '],
    [
      '(values, _, out) => { out.set(values[0]); values[1][2] = 7 }',
      '(wrong.mjs), tensor conv1.weight: the rule changed the values of owner 2',
    ],
  ])('in a round fails with it: %s', async (merge, message) => {
    const [code, err] = await refusal(ruleText(`make: () => ${merge}`))
    expect([code, err]).toEqual([4, expect.stringContaining(`error: round 1: merge wrong ${message}`)])
  })
})

it('the docs show the whole of the example', () => {
  expect(readFileSync('docs/add-a-merge-rule.md', 'utf8')).toContain(`\`\`\`js\n${EXAMPLE}\`\`\`\n`)
})

it('help, schema, template and completion know that there may be one', async () => {
  expect((await fedunify(['run', '--help'])).out).toMatch(
    /^ {2}\.\/my-rule\.mjs +a rule of one's own: a module that exports it$/m,
  )
  expect((await fedunify(['init', '-'])).out).toMatch(/^# {3}\.\/my-rule\.mjs +a rule of one's own/m)
  const { properties } = JSON.parse((await fedunify(['config', 'schema'])).out)
  const [list, , word] = properties.merge.anyOf
  expect('avg,./rules/my-rule.mjs:p=0.4,max').toMatch(new RegExp(word.pattern))
  expect('avg,my-rule').not.toMatch(new RegExp(word.pattern))
  expect(Object.keys(list.items.anyOf[2].patternProperties)).toHaveLength(1)
  const complete = async (...words: string[]) => (await fedunify(['__complete', '--', ...words])).out
  expect(await complete('run', '--merge', 'avg,./examples/m')).toBe('avg,./examples/my-rule.mjs\tfile\n')
  expect(await complete('run', '--set', 'merge=./exam')).toBe('merge=./examples/\tfolder\n')
})
