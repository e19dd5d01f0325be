import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkAddresses } from '../../src/doctor/machine.ts'
import { requireRoom } from '../../src/system/limits.ts'
import { BINARY, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { startServer } from '../support/mirror.ts'
import { tornFiles } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const results = (name: string, id: string) => join(folder, 'results', name, id)
const limits = !spawnSync('bash', ['-c', 'ulimit -v 4000000']).status

/** Runs node under a limit of the shell's, `-v 4000000` for example. */
const limitedNode = (limit: string, args: readonly string[]) =>
  runBinary([process.execPath, ...args], { command: ['bash', '-c', `ulimit ${limit}; exec "$@"`, 'bash'] })
const limited = (limit: string, args: readonly string[]) => limitedNode(limit, [BINARY, ...args])

describe.skipIf(!limits)('a limited address space', () => {
  it.each([4_000_000, 10_000_000])('of %i kB is enough for what does not train', async (limit) => {
    for (const args of [['--version'], ['--help'], ['run', '--help'], ['init', '--help']]) {
      expect(await limited(`-v ${limit}`, args)).toMatchObject({ code: 0, err: '' })
    }
  })

  it('is enough to download', async () => {
    const url = await startServer((_, response) => response.end(readFileSync(BINARY)))
    const download = new URL('../../build/data/fashion-mnist/download.js', import.meta.url)
    const program = `const { download } = await import('${download}')
      console.log((await download('${url}', { stallMs: 5000, expected: 100000 })).length)`
    const { code, out, err } = await limitedNode('-v 4000000', ['--input-type=module', '-e', program])
    expect({ code, out, err }).toEqual({ code: 0, out: `${readFileSync(BINARY).length}\n`, err: '' })
  })

  it('trains to the same bits where it is large enough, though it has no WebAssembly', async () => {
    const args = ['run', experiment('same'), '--merge', 'avg,max,absmax', '--quiet', '--run-id']
    expect((await runBinary([BINARY, ...args, 'free'], { command: [process.execPath] })).code).toBe(0)
    expect(await limited('-v 4000000', [...args, 'limited'])).toMatchObject({ code: 0, err: '' })
    for (const file of ['unified.csv', 'model.safetensors']) {
      const read = (id: string) => readFileSync(join(results('same', id), file))
      expect(read('limited').equals(read('free')), file).toBe(true)
    }
  })

  it.each([1_600_000, 2_000_000])('of %i kB is told of before anything is made', async (limit) => {
    const file = experiment('small', { workers: 2 })
    const { code, out, err } = await limited(`-v ${limit}`, ['run', file, '--run-id', `${limit}`])
    expect(err).toMatch(
      /^error: .*the address space is limited to \d.\d GB \(ulimit -v\), .*\nhint: raise the limit .*\n$/,
    )
    expect([code, out, existsSync(results('small', `${limit}`))]).toEqual([2, '', false])
  })

  it('is a finding of the doctor', async () => {
    const args = ['doctor', '--data', join(folder, 'idx'), '--out', folder, '--json']
    const { out } = await limited('-v 1800000', args)
    const { ready, findings } = JSON.parse(out)
    expect(ready).toBe(false)
    expect(findings).toContainEqual(
      expect.objectContaining({
        subject: 'onnx on cpu',
        status: 'problem',
        detail: expect.stringContaining('limited to 1.8 GB (ulimit -v)'),
        fix: expect.stringContaining('ulimit -v unlimited'),
      }),
    )
    expect(findings).toContainEqual(expect.objectContaining({ subject: 'addresses', status: 'warning' }))
  })
})

describe.skipIf(!limits)('few open files', () => {
  const gate = join(folder, 'gate.yaml')
  writeFileSync(gate, '- { metric: participants, each-round: 2 }\n')
  const CRASH = /\n +at |this is a bug|core dumped|terminate called/

  it.each([20, 22, 24, 26, 28, 30, 32, 36, 40, 64])('%i end in a result, or one line', async (count) => {
    const empty = join(folder, 'empty.cjs')
    writeFileSync(empty, '')
    // Too few for Node itself.
    if ((await limitedNode(`-n ${count}`, [empty])).code !== 0) return
    const trains = ['run', experiment('few'), '--workers', '2', '--quiet', '--run-id', `${count}`]
    for (const args of [
      ['--version'],
      ['--help'],
      ['check', results('same', 'free'), '--expect', gate],
      ['compare', folder, 'paper'],
      trains,
    ]) {
      const { code, signal, err } = await limited(`-n ${count}`, args)
      expect([code, signal], `${args[0]}: ${err}`).toEqual([expect.toSatisfy((n) => [0, 2, 3].includes(n)), null])
      expect(err).not.toMatch(CRASH)
      if (code === 2) expect(err).toMatch(/^error: .*(open files|EMFILE).*\nhint: raise the limit.*ulimit -n 1024.*\n$/)
    }
    const run = results('few', `${count}`)
    if (existsSync(run)) expect(tornFiles(run)).toEqual([])
  })

  it('64 are enough for two workers', () => {
    expect(existsSync(join(results('few', '64'), 'model.safetensors'))).toBe(true)
  })
})

describe('open files', () => {
  it('are enough for so many threads', () => {
    requireRoom(2, undefined, { limit: 40, used: 22 })
    expect(() => requireRoom(2, undefined, { limit: 36, used: 22 })).toThrow('open files are limited to 36 (ulimit -n)')
  })
})

describe('addresses', () => {
  it('are enough for so many threads', () => {
    requireRoom(1000, undefined, undefined)
    requireRoom(2, { limit: 2.8e9, used: 1e9 })
    expect(() => requireRoom(2, { limit: 2.5e9, used: 1e9 })).toThrow('limited to 2.5 GB (ulimit -v)')
    const refused = (limit: number) => {
      try {
        return requireRoom(8, { limit, used: 1e9 })
      } catch (error) {
        return error
      }
    }
    expect(refused(4e9)).toMatchObject({ kind: 'usage', hint: expect.stringMatching(/--workers 4$/) })
    expect(refused(1.5e9)).toMatchObject({ kind: 'usage', hint: expect.not.stringContaining('--workers') })
  })

  it('are no matter where they are not limited', () => {
    expect(checkAddresses(undefined)).toEqual([])
    expect(checkAddresses({ limit: 4e9, used: 1e9 })).toMatchObject([{ status: 'ok' }])
  })
})
