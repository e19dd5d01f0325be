import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BINARY, type Ended, start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'

const { folder, experiment } = workshop()
const file = experiment('nothing-sent', { rounds: 2, baseline: 'pooled' })
const data = join(folder, 'idx')
const gate = join(folder, 'gate.yaml')
writeFileSync(gate, '- { metric: participants, each-round: 2 }\n')
const run = join(folder, 'results', 'nothing-sent', 'a')
const hasStrace = !spawnSync('strace', ['-V']).error

/** What a command did besides writing where it was asked to. */
interface Watched extends Ended {
  /** Files below HOME and the temporary folder, afterwards. */
  readonly left: readonly string[]
  /** Files that were opened to be written or made, and sockets; undefined if nothing can watch. */
  readonly written: readonly string[] | undefined
  readonly sockets: readonly string[] | undefined
}

/** A command with a HOME and a temporary folder of its own, and without CI: the runtime behaves better under CI. */
async function watch(args: readonly string[], env: Record<string, string> = {}): Promise<Watched> {
  const place = temporaryFolder()
  const [home, tmp, log] = [join(place, 'home'), join(place, 'tmp'), join(place, 'log')]
  mkdirSync(home)
  mkdirSync(tmp)
  const clean = ['ORT_DISABLE_TELEMETRY', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME'].flatMap((name) => [
    '-u',
    name,
  ])
  const traced = hasStrace ? ['strace', '-f', '-qq', '-e', 'trace=open,openat,creat,socket,connect', '-o', log] : []
  const ended = await start(args, {
    command: ['env', ...clean, ...traced, process.execPath, BINARY],
    env: { HOME: home, TMPDIR: tmp, ...env },
  }).ended
  const calls = hasStrace ? readFileSync(log, 'utf8').split('\n') : undefined
  const opened = calls?.flatMap((line) => /"([^"]*)", [^"]*O_(?:WRONLY|RDWR|CREAT)/.exec(line)?.[1] ?? [])
  return {
    ...ended,
    left: [home, tmp].flatMap((dir) =>
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((e) => e.isFile())
        .map((e) => join(e.parentPath ?? e.path, e.name).slice(place.length + 1)),
    ),
    written: opened && [...new Set(opened)].filter((path) => !path.startsWith('/dev/') && !path.startsWith(place)),
    // Between threads and to name services on this machine there may be local ones.
    sockets: calls?.filter(
      (line) => /\b(?:socket|connect)\(/.test(line) && !/AF_(?:UNIX|LOCAL|NETLINK)|SYS_/.test(line),
    ),
  }
}

const OWN = join('home', '.cache', 'fedunify', 'blocked.json')

const hasDataset = existsSync('data/fashion-mnist') && readdirSync('data/fashion-mnist').length > 0

describe('nothing is sent or kept about the user', () => {
  it('by a run: its folder, and one file of its own in the cache', async () => {
    const { code, err, left, written, sockets } = await watch(['run', file, '--run-id', 'a', '--quiet'])
    expect([code, err]).toEqual([0, ''])
    expect(left).toEqual([OWN])
    if (!hasStrace) return
    expect(sockets).toEqual([])
    expect(written!.filter((path) => !path.startsWith(join(folder, 'results')))).toEqual([])
  })

  const later: [string, string[]][] = [
    ['run --dry-run', ['run', file, '--dry-run']],
    ['batch --dry-run', ['batch', file, '--dry-run']],
    ['doctor', ['doctor', '--data', data, '--out', join(folder, 'results')]],
    ['a run on WebGPU', ['run', file, '--device', 'webgpu', '--run-id', 'gpu', '--quiet']],
    ['check', ['check', run, '--expect', gate]],
    ['compare', ['compare', run, run]],
    ['report', ['report', run]],
    ['export to CSV', ['export', run, '--to', 'csv', '--output', '-']],
    ['export to Parquet', ['export', run, '--to', 'parquet']],
    ['export to TensorBoard', ['export', run, '--to', 'tensorboard']],
    ['--help', ['--help']],
  ]
  it.each(later)('by %s', async (_, args) => {
    const { code, err, left, written, sockets } = await watch(args)
    expect(code, err).not.toBe(1)
    expect(err).not.toMatch(/telemetry|deviceid|WARN/i)
    expect(left.filter((path) => path !== OWN)).toEqual([])
    if (!hasStrace) return
    expect(sockets).toEqual([])
    expect(written!.filter((path) => !path.startsWith(join(folder, 'results')))).toEqual([])
  })

  it.skipIf(!hasDataset)('by a run on Fashion-MNIST that is in its place', async () => {
    const small = ['--images', '600', '--rounds', '1', '--model', 'mlp', '--out', join(folder, 'results')]
    const { code, err, left, sockets } = await watch(['run', '--run-id', 'cached', '--quiet', ...small])
    expect([code, err]).toEqual([0, ''])
    expect(left).toEqual([OWN])
    if (hasStrace) expect(sockets).toEqual([])
  })

  it('where HOME cannot be written, nor is a word said about it', async () => {
    const { code, err } = await watch(['run', file, '--run-id', 'homeless', '--quiet'], { HOME: '/proc/none' })
    expect([code, err]).toEqual([0, ''])
  })

  it('by whatever else loads the runtime, as these tests do', async () => {
    await import('../../src/engine/onnx/session/ort.ts')
    expect(process.env.ORT_DISABLE_TELEMETRY).toBe('1')
  })
})
