import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { f32, writeModel } from '../support/model-file.ts'
import { codeBlocks, PAGES } from '../support/pages.ts'
import { writeRun } from '../support/written-run.ts'

/** Examples that cannot run here, by how they begin, and why. */
const NOT_TRIED: Readonly<Record<string, string>> = {
  'data fetch': 'it downloads the dataset',
  'data verify': 'it needs the real dataset',
  'federation demo': 'it needs a broker; test/demo/demo.test.ts has one',
  'federation check': 'it needs a broker; test/federation/nats/check.test.ts has one',
  'federation status': 'it needs a broker; test/federation/nats/status.test.ts has one',
  'federation add dave': 'it needs a broker; test/federation/setup/changes.test.ts has one',
  'serve ': 'it needs a broker and owners; test/federation/nats/rounds.test.ts has them',
  'join ': 'it waits for a server; test/federation/nats/rounds.test.ts has one',
  'export results/table4 --to mlflow': 'it needs an MLflow server; test/export/mlflow.test.ts has one',
  'explain latest': 'its run has no model; test/explain/command.test.ts has one',
  doctor: 'it tries every engine of this machine; test/cli/doctor.test.ts does that',
  'check experiments/table4.yaml': 'its runs take an hour; test/cli/gate.test.ts has some',
  'check gate.yaml --update': 'it writes the references of a gate; test/check/over-seeds.test.ts has one',
  'report --watch': 'it goes on until Ctrl-C; test/report/live.test.ts ends it',
  'worker --on': 'it waits for runs; test/batch/remote.test.ts has a broker',
  'run --owners 5 --merge avg,midrange:p=0.4': 'the page adds this rule',
  'run experiment.yaml --set merge.midrange.p=0.4': 'the page adds this rule',
  'run experiment.yaml --replay': 'it needs a run without waiting; test/run/replay.test.ts has some',
}

/** The words of a command line, which is enough shell for examples: a file to read takes the place of the dash. */
function words(line: string): string[] {
  const all = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)
  const input = all[all.indexOf('<') + 1]!
  const at = all.findIndex((word) => /^[<>]/.test(word))
  return (at < 0 ? all : all.slice(0, at)).map((word) => (word === '-' && all.includes('<') ? input : word))
}

/** In a page: with or without npx, perhaps behind another command, perhaps with a comment. */
const inPage = (page: string) =>
  codeBlocks(page, 'sh')
    .flatMap((code) => code.split('\n'))
    .flatMap((line) => line.replace(/(^|\s)#.*/, '').split('&&'))
    .flatMap((part) => /^\s*(?:npx )?fedunify (.*\S)/.exec(part)?.[1] ?? [])

/** In a help: a line of its own, perhaps with an explanation further right. */
const inHelp = (help: string) => [...help.matchAll(/^ +fedunify (.*?)(?: {2,}.*)?$/gm)].map(([, line]) => line!)

/** A command and those below it, each with its help. */
async function helps(...command: string[]): Promise<[string, string][]> {
  const { out } = await fedunify([...command, '--help'])
  const [, listed = ''] = /^Commands:\n([\s\S]*?)\n\n/m.exec(`${out}\n`) ?? []
  const below = [...listed.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!).filter((name) => name !== 'help')
  const all = await Promise.all(below.map((name) => helps(...command, name)))
  return [[['fedunify', ...command, '--help'].join(' '), out], ...all.flat()]
}

const HELPS = await helps()
const PLACES: [string, string[]][] = [
  ...PAGES.map((page): [string, string[]] => [page, inPage(page)]),
  ...HELPS.map(([command, help]): [string, string[]] => [command, inHelp(help)]),
]
/** The files that pages show, by the name in their first line. */
const FILES = PAGES.flatMap((page) => codeBlocks(page, 'yaml')).flatMap((code): [string, string][] => {
  const name = /^# (\S+\.yaml)\n/.exec(code)?.[1]
  return name === undefined ? [] : [[name, code]]
})

const repository = process.cwd()
const reasonFor = (line: string) => Object.keys(NOT_TRIED).find((start) => line.startsWith(start))

const { folder } = workshop({ train: 600, test: 120, rows: 28, cols: 28, classes: 10 })
const DATA = ['dataset=idx', `data=${join(folder, 'idx')}`]

/** What is added to an example: a dry run, on a tiny dataset, and files may be replaced. */
function additions([command, ...rest]: readonly string[]): string[] {
  const set = (...pairs: string[]) => pairs.flatMap((pair) => ['--set', pair])
  if (command === 'init' || command === 'merge') return ['--force']
  if (command === 'run' && !rest.includes('--resume')) return ['--dry-run', ...set(...DATA)]
  // All attacks take a while.
  if (command === 'audit' && !rest.includes('--attack')) {
    const attack = rest.includes('user') ? 'membership-inference:shadows=0:images=20' : 'label-inference'
    return ['--quiet', '--attack', attack]
  }
  // The dry run of a batch trains a little of every model, to estimate the time: a small one will do.
  if (command === 'remerge' || command === 'explain' || command === 'audit') return ['--quiet']
  if (command === 'batch') return ['--dry-run', ...set(...DATA, 'model=mlp', 'images=null')]
  return []
}

/** A folder like the one in which a reader would type the examples. */
async function furnish(): Promise<void> {
  for (const [name, text] of FILES) writeFileSync(name, text)
  cpSync(join(repository, 'experiments'), 'experiments', { recursive: true })
  cpSync(join(repository, 'examples', 'my-rule.mjs'), 'my-rule.mjs')
  for (const name of ['a', 'b', 'merged']) writeModel(`${name}.safetensors`, { w: f32(1, 2) })
  for (const file of ['experiment.yaml', 'my.yaml', 'studies/alpha.yaml']) await fedunify(['init', file])
  mkdirSync('results')
  symlinkSync(join(repository, 'results', 'reference'), 'results/reference')
  // One that has kept its owners' weights.
  const five = ['--env', 'dirichlet', '--alpha', '1', '--owners', '5', '--model', 'mlp', '--rounds', '2']
  const kept = ['--keep', 'owners', '--name', 'kept', '--run-id', 'one', '--quiet']
  const { err } = await fedunify(['run', ...five, ...kept, ...DATA.flatMap((pair) => ['--set', pair])])
  if (err !== '') throw new Error(err)
  for (const audited of ['privacy-audit', 'privacy-owner', 'privacy-record']) {
    cpSync(join('results', 'kept'), join('results', audited), { recursive: true })
  }
  rmSync('results/latest')
  const expected = [{ metric: 'participants', 'each-round': 2 }]
  const unified = { avg: [0.7, 0.8, 0.9] }
  const runs = ['table3/s0-1', 'table3-separate/avg-s0-1', 'table4/s0-1', 'V-avg/before', 'V-avg/after', 'a/1', 'b/1']
  symlinkSync('H-avg/20261123-184502', 'results/latest')
  for (const run of [...runs, 'H-avg/20261123-184502']) {
    writeRun(resolve('results', run), { env: /^(table4|H)/.test(run) ? 'H' : 'V', unified, expect: expected })
  }
  for (const run of ['a/1', 'b/1']) writeModel(resolve('results', run, 'model.safetensors'), { w: f32(1, 2) })
}

beforeAll(async () => {
  process.chdir(folder)
  await furnish()
})
afterAll(() => process.chdir(repository))

describe.each(PLACES.filter(([, lines]) => lines.length > 0))('the examples of %s work', (_, lines) => {
  for (const line of lines) {
    const reason = reasonFor(line)
    if (reason !== undefined) it.skip(`${line} (${NOT_TRIED[reason]})`)
    else {
      it(line, async () => {
        const args = words(line)
        const { code, err } = await fedunify([...args, ...additions(args)])
        expect(err).not.toContain('error:')
        expect(code).toBe(0)
      })
    }
  }
})

it('none of the reasons not to try one is out of date', () => {
  const used = new Set(PLACES.flatMap(([, lines]) => lines).map(reasonFor))
  expect(Object.keys(NOT_TRIED).filter((start) => !used.has(start))).toEqual([])
})
