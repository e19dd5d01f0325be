import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { MERGE_NAMES } from '../../src/algorithm/merge/registry.ts'
import { CHOICE_KEYS, OPTION_KEYS } from '../../src/config/parts/choice-keys.ts'
import { WRITTEN_KEYS } from '../../src/config/schema.ts'
import { EXIT, FedunifyError } from '../../src/errors.ts'
import { PRESET_NAMES } from '../../src/model/presets.ts'
import { VERSION } from '../../src/package.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyIdx } from '../support/idx.ts'
import { manifestOf, tornFiles } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const results = join(folder, 'results')

/** An error is one line, perhaps with a hint, and no stack. */
async function refusal(...args: string[]): Promise<{ code: number; error: string; hint: string | undefined }> {
  const { code, out, err } = await fedunify(args)
  expect(out).toBe('')
  const [error = '', hint, ...more] = err.trimEnd().split('\n')
  expect(error).toMatch(/^error: \S/)
  if (hint !== undefined) expect(hint).toMatch(/^hint: \S/)
  expect(more).toEqual([])
  return { code, error: error.slice(7), hint: hint?.slice(6) }
}

describe('help', () => {
  it.each([[[]], [['--help']], [['help']]])('%j lists the commands, on stdout', async (args) => {
    const { code, out, err } = await fedunify(args)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^Usage: fedunify \[options\] \[command\]\n/)
    for (const command of ['run', 'data']) expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  it('of run gives every key of an experiment but expect a flag, in its group', async () => {
    const { code, out } = await fedunify(['run', '--help'])
    expect(code).toBe(0)
    const group = (flag: string) => {
      const at = out.search(new RegExp(`^ {2}--${flag}[ ,]`, 'm'))
      expect(at, flag).toBeGreaterThan(0)
      return out
        .slice(0, at)
        .match(/^[A-Z][\w ,]*:$/gm)!
        .at(-1)!
        .slice(0, -1)
    }
    const groups = new Map(WRITTEN_KEYS.filter((key) => key !== 'expect').map((key) => [key, group(key)]))
    expect([...new Set(groups.values())].sort()).toEqual(
      ['Data and owners', 'Model', 'Rounds and merging', 'Run', 'Training at each owner'].sort(),
    )
    expect(groups.get('alpha')).toBe('Data and owners')
    expect(groups.get('init')).toBe('Model')
    expect(groups.get('batch')).toBe('Training at each owner')
    expect(groups.get('stop-at')).toBe('Rounds and merging')
    expect(groups.get('workers')).toBe('Run')
    expect(group('set <key=value>')).toBe('Options')
  })

  it('of run shows defaults, and every part with its source and its options', async () => {
    const { out } = await fedunify(['help', 'run'])
    expect(out).toMatch(/--batch <n> +images in a mini-batch \(default: 64\)/)
    expect(out).toContain('--env <V|H|labels|dirichlet>')
    for (const name of Object.values(CHOICE_KEYS).flatMap(({ parts }) => Object.keys(parts))) {
      expect(out).toMatch(new RegExp(`^ {2}${name} +\\S.*\\n {19}\\S`, 'm'))
    }
    for (const { option, schema } of OPTION_KEYS) expect(out).toContain(`    ${option}: ${schema.description} (`)
    expect(out).toContain('fedunify run --env H --merge avg ')
  })

  it('of fedunify says how to begin and what its exit codes mean, also where nothing is asked', async () => {
    const { code, out, err } = await fedunify([])
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe((await fedunify(['--help'])).out)
    for (const exit of Object.values(EXIT)) expect(out).toMatch(new RegExp(`(^| )${exit} [a-z]`, 'm'))
    expect(out).toContain('fedunify doctor ')
  })

  it('is shown where a subcommand is missing', async () => {
    const { code, out, err } = await fedunify(['data'])
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^Usage: fedunify data/)
  })

  it('--version is the package’s', async () => {
    expect(await fedunify(['--version'])).toEqual({ code: 0, out: `${VERSION}\n`, err: '' })
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/)
  })
})

describe('a command line that is wrong', () => {
  it.each<[string, string, string | undefined]>([
    ['runn', "unknown command 'runn'", 'did you mean run?'],
    ['unrelated', "unknown command 'unrelated'", 'see fedunify --help'],
    ['data verif', "unknown command 'verif'", 'did you mean verify?'],
    ['--versoin', "unknown option '--versoin'", 'did you mean --version?'],
    ['run --lrr 3', "unknown option '--lrr'", 'did you mean --lr?'],
    ['run --local-epoch 3', "unknown option '--local-epoch'", 'did you mean --local-epochs?'],
    ['run --lr', "option '--lr <x>' argument missing", 'see fedunify run --help'],
    [
      'run one.yaml two.yaml',
      "too many arguments for 'run'. Expected 1 argument but got 2.",
      'see fedunify run --help',
    ],
    ['run --optimizer momentum --momentum 1', '--momentum: expected a number below 1, got 1', undefined],
    ['run --stop-at 90', '--stop-at: expected a number of at most 1, got 90', 'a fraction, not percent: 0.9'],
    ['config shwo', "unknown command 'shwo'", 'did you mean show?'],
    ['config nothing', "unknown command 'nothing'", 'see fedunify config --help'],
    ['run --merge avgg', `--merge: expected one of ${MERGE_NAMES.join(', ')}, got "avgg"`, 'did you mean avg?'],
    ['run --set lr', '--set lr: expected key=value', 'for example --set lr=0.05'],
    ['run absent.yaml', 'absent.yaml: no such file', 'name an experiment file, for example experiments/table4.yaml'],
  ])('fedunify %s', async (line, error, hint) => {
    expect(await refusal(...line.split(' '))).toEqual({ code: 2, error, hint })
  })

  it.each(['a/b', '..', '', '.hidden'])('refuses the run id %j', async (id) => {
    const { code, error } = await refusal('run', experiment('tiny'), '--run-id', id)
    expect([code, error]).toEqual([2, `--run-id: expected letters, digits, dot, dash or underscore, got "${id}"`])
  })

  it.each<[string, string[], string]>([
    ['more owners than images', ['--owners', '400'], 'partition V: 400 owners are too many'],
    ['H for three', ['--env', 'H', '--owners', '3'], '--owners: owners is 3, but env H is for 2'],
    ['labels that overlap', ['--env', 'labels', '--labels', '[[0,1,2],[2,3]]'], 'partition labels: label 2 is listed'],
    [
      'labels that miss one',
      ['--env', 'labels', '--labels', '[[0,1],[2]]'],
      'partition labels: label 3 is in the data',
    ],
    ['too many images', ['--images', '5000'], 'images is 5000, but the dataset has 300'],
    ['a model of other classes', ['--model', '[{type: flatten}, {type: dense, units: 3}]'], 'the model ends with'],
    ['a model that does not fit', ['--model', '[{type: dense, units: 4}]'], 'layer 1 (dense) needs a flat input'],
  ])('refuses %s', async (_, flags, message) => {
    const { code, error } = await refusal('run', experiment('tiny'), '--quiet', ...flags)
    expect(code).toBe(2)
    expect(error.startsWith(message), error).toBe(true)
    expect(existsSync(results)).toBe(false)
  })
})

describe('data that is wrong', () => {
  it('exits 3 and writes nothing', async () => {
    const out = join(folder, 'out')
    const broken = join(folder, 'broken')
    const run = (dir: string) => refusal('run', experiment('tiny'), '--quiet', '--data', dir, '--out', out)
    expect(await run(join(folder, 'absent'))).toMatchObject({
      code: 3,
      error: expect.stringMatching(/no such folder$/),
    })
    writeTinyIdx(broken, { rows: 4, cols: 4, gzip: false })
    writeFileSync(join(broken, 'train-labels-idx1-ubyte'), Buffer.from([0, 0, 8, 3]))
    expect(await run(broken)).toMatchObject({ code: 3, error: expect.stringContaining('magic number 0x00000803') })
    rmSync(join(broken, 'train-labels-idx1-ubyte'))
    writeFileSync(join(broken, 'train-labels-idx1-ubyte.gz'), Buffer.from([0x1f, 0x8b, 8, 0]))
    expect(await run(broken)).toMatchObject({ code: 3, error: expect.stringContaining('gzip stream is truncated') })
    expect(existsSync(out)).toBe(false)
  })
})

describe('--dry-run', () => {
  it('prints config, shards and work, and writes nothing', async () => {
    const file = experiment('dry', { out: join(folder, 'dry-results') })
    const { code, out, err } = await fedunify(['run', file, '--dry-run', '--lr', '0.25', '--local-epochs', '2'])
    expect([code, err]).toEqual([0, ''])
    const [config = '', ...rest] = out.split('\n\n')
    expect(parse(config.split('\nidx: ')[0]!)).toMatchObject({ name: 'dry', lr: 0.25, rounds: 3, owners: 2 })
    expect(rest.join('\n')).toMatch(/owner 1 +\d+ +\d+ /)
    // 240 + 60 images, a seventh of which is for testing: 257 * 3 rounds * 2 epochs.
    expect(out).toMatch(/would train 1,542 images in 3 rounds; nothing was written\n$/)
    expect(existsSync(join(folder, 'dry-results'))).toBe(false)
  })

  it('says where the work is at most that', async () => {
    const { out } = await fedunify(['run', experiment('tiny'), '--dry-run', '--until-local-accuracy', '0.9'])
    expect(out).toContain('would train at most 15,420 images in 3 rounds')
    expect((await fedunify(['run', experiment('tiny'), '--dry-run', '--stop-at', '1'])).out).toContain('at most 771')
    const single = await fedunify(['run', experiment('tiny'), '--dry-run', '--rounds', '1'])
    expect(single.out).toMatch(/would train 257 images in 1 round; nothing was written\n$/)
  })
})

describe('a run', () => {
  const run = (id: string, ...flags: string[]) => fedunify(['run', experiment('tiny'), '--run-id', id, ...flags])

  it('writes the result to stdout and progress to stderr, a line a round', async () => {
    const { code, out, err } = await run('plain', '--merge', 'avg,max')
    expect(code).toBe(0)
    expect(err).toMatch(/^idx: 300 images from .*\nenv V, 2 owners, seed 0\nmodel 6 layers, /)
    expect(err.match(/^round \d\/3( +\d+\.\d\d){4} +\d/gm)).toHaveLength(3)
    expect(out).toMatch(/^\nround {2}local 1 {2}local 2 +avg +max\n1 /)
    expect(out).toMatch(
      /unified accuracy \d+\.\d\d % \(avg, round 3\)\nmodels and updates: .* for each owner and round\n/,
    )
    expect(out + err).not.toContain('\x1b')
    const path = join(results, 'tiny', 'plain')
    const lines = out.split('\n')
    const listed = lines
      .slice(lines.indexOf(`${path}/`) + 1, lines.indexOf('next:'))
      .join(' ')
      .trim()
      .split(/ +/)
    expect(listed.sort()).toEqual(readdirSync(path).sort())
  })

  it('--quiet has the result alone', async () => {
    const { code, out, err } = await run('quiet', '--quiet')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('unified accuracy')
  })

  it('--json has events alone on stdout, one JSON object a line', async () => {
    const { code, out, err } = await run('json', '--json', '--quiet')
    expect([code, err]).toEqual([0, ''])
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.filter(({ type }) => type !== 'owner-progress').map(({ type }) => type)).toEqual([
      'started',
      ...[1, 2, 3].flatMap(() => ['owner-trained', 'owner-trained', 'round-finished']),
      'finished',
    ])
    expect(out).not.toContain('"weights"')
    const { out: loud, err: progress } = await run('json-loud', '--json')
    for (const line of loud.trimEnd().split('\n')) JSON.parse(line)
    expect(progress).toContain('round 3/3')
  })

  it('colours its output only if it may', async () => {
    const args = ['run', experiment('tiny'), '--run-id', 'colours', '--rounds', '1']
    expect((await fedunify(args, { colors: true })).out.split('\x1b')).toContainEqual(
      expect.stringMatching(/^\[1m[\d.]+ %$/),
    )
    const refused = await fedunify(['run', '--lr', '0'], { colors: true })
    expect(refused.err.startsWith('\x1b[31merror:\x1b[39m --lr')).toBe(true)
  })

  it('refuses a run folder that exists, and leaves it as it is', async () => {
    const path = join(results, 'tiny', 'taken')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'mine.txt'), 'mine')
    const { code, error, hint } = await refusal('run', experiment('tiny'), '--quiet', '--run-id', 'taken')
    expect([code, error]).toEqual([2, `${path} exists already`])
    expect(hint).toContain('--run-id')
    expect(readdirSync(path)).toEqual(['mine.txt'])
    expect(readdirSync(join(results, 'tiny')).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('refuses a results folder that it cannot write to', async () => {
    const out = join(experiment('tiny'), 'below')
    const { code, error, hint } = await refusal('run', experiment('tiny'), '--quiet', '--run-id', 'x', '--out', out)
    expect(code).toBe(2)
    expect(error).toContain(`cannot write ${join(out, 'tiny', 'x')}: ENOTDIR`)
    expect(hint).toContain('--out DIR')
  })

  it('that diverges exits 4, naming owner, round and tensor, and says so in its manifest', async () => {
    const { code, error, hint } = await refusal('run', experiment('tiny'), '--quiet', '--run-id', 'far', '--lr', '1e9')
    expect(code).toBe(4)
    expect(error).toMatch(/^owner [12], round 1: (conv1|dense1)\.(weight|bias) became (NaN|-?Infinity) by step \d+/)
    expect(hint).toContain('lower the learning rate')
    const path = join(results, 'tiny', 'far')
    expect(manifestOf(path)).toMatchObject({ status: 'failed', reason: error, rounds: 0 })
    expect(tornFiles(path)).toEqual([])
  })

  it('that is interrupted exits 130, and says so in its manifest', async () => {
    const controller = new AbortController()
    const running = fedunify(['run', experiment('tiny'), '--run-id', 'stopped', '--rounds', '5000', '--quiet'], {
      signal: controller.signal,
    })
    const path = join(results, 'tiny', 'stopped')
    while (!existsSync(join(path, 'model.onnx'))) await new Promise((resolve) => setTimeout(resolve, 10))
    controller.abort(new FedunifyError('E_INTERRUPTED', 'interrupted'))
    const hint = `go on with: fedunify run --resume ${path}`
    expect(await running).toEqual({ code: 130, out: '', err: `error: interrupted\nhint: ${hint}\n` })
    expect(manifestOf(path)).toMatchObject({ status: 'interrupted', rounds: expect.any(Number) })
    expect(tornFiles(path)).toEqual([])
  })
})

it.each(PRESET_NAMES)('the preset %s takes data of five classes', async (name) => {
  const data = join(temporaryFolder(), 'five')
  writeTinyIdx(data, { train: 40, test: 10, rows: 12, cols: 12, classes: 5 })
  const { code, out } = await fedunify(['run', '--dry-run', '--dataset', 'idx', '--data', data, '--model', name])
  expect([code, out]).toEqual([0, expect.stringContaining('nothing was written')])
})
