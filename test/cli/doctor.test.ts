import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { IDX_NAMES, type KnownFiles } from '../../src/data/fashion-mnist/known-files.ts'
import { readContent } from '../../src/data/idx-folder.ts'
import { checkDataset } from '../../src/doctor/dataset.ts'
import { examine } from '../../src/doctor/doctor.ts'
import { checkEngine } from '../../src/doctor/engines.ts'
import { checkGit, checkMemory, checkNode, featuresIn, inRange } from '../../src/doctor/machine.ts'
import { checkResults, space } from '../../src/doctor/results.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { onnxEngine } from '../../src/engine/onnx/session/onnx-engine.ts'
import { FedunifyError } from '../../src/errors.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyIdx } from '../support/idx.ts'
import { startServer } from '../support/mirror.ts'

/** A folder with a tiny dataset, and what a verification of it expects. */
async function tinyDataset() {
  const dir = temporaryFolder()
  writeTinyIdx(dir, { rows: 4, cols: 4 })
  const known = await Promise.all(
    IDX_NAMES.map(async (name) => {
      const { bytes, sha256, stored } = await readContent(join(dir, `${name}.gz`), name)
      return [name, { bytes: bytes.length, sha256, download: stored }]
    }),
  )
  return { dir, known: Object.fromEntries(known) as KnownFiles }
}

describe('fedunify doctor', () => {
  it('finds a machine ready that runs these tests', async () => {
    const { dir, known } = await tinyDataset()
    const out = join(temporaryFolder(), 'a', 'b')
    const findings = await examine({ out, places: { project: dir, known } })
    expect(findings.filter(({ status }) => status === 'problem')).toEqual([])
    const detail = (subject: string) => findings.find((finding) => finding.subject === subject)?.detail
    expect(detail('node')).toContain(process.versions.node)
    expect(detail('onnx on cpu')).toMatch(/^onnxruntime-node \d+\.\d+\.\d+.*, trained a batch in \d/)
    expect(detail('tfjs on cpu')).not.toMatch(/slow.*slow|0\.0 s/)
    expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['onnx on cuda', 'onnx on webgpu']))
    expect(detail('dataset')).toContain('verified')
    expect(detail('results')).toContain('will be made')
  })

  it('prints a line for each with a word, and exits with 3 for the data', async () => {
    const empty = temporaryFolder()
    const { code, out, err } = await fedunify(['doctor', '--data', empty, '--out', empty])
    expect(code).toBe(3)
    expect(out).toMatch(/^node +ok +\d/m)
    expect(out).toMatch(/^dataset +problem +.*lacks train-images.*\n +try: fedunify data fetch \S+$/m)
    expect(err).toBe(`error: 1 problem: a run would fail\nhint: fedunify data fetch ${empty}\n`)
  })

  it('has the engines that runs do without below the verdict', async () => {
    const { dir } = await tinyDataset()
    const { code, out, err } = await fedunify(['doctor', '--data', dir, '--out', dir])
    // The tiny dataset is not Fashion-MNIST.
    expect([code, err]).toEqual([3, expect.stringContaining('1 problem: a run would fail')])
    const [above, below] = out.split('Optional, only for runs that ask for it:\n') as [string, string]
    expect(above).toMatch(/^onnx on cpu /m)
    expect(above).not.toMatch(/^(onnx on (cuda|webgpu)|tfjs on) +(absent|ok)/m)
    expect(below).toMatch(/^onnx on cuda /m)
    expect(below).toMatch(/^tfjs on cpu /m)
  })

  it('writes JSON', async () => {
    const empty = temporaryFolder()
    const { code, out } = await fedunify(['doctor', '--data', empty, '--out', empty, '--json'])
    expect(code).toBe(3)
    const { ready, findings } = JSON.parse(out)
    expect(ready).toBe(false)
    expect(findings).toContainEqual(
      expect.objectContaining({ subject: 'dataset', status: 'problem', fix: `fedunify data fetch ${empty}` }),
    )
  })

  it('turns whatever goes wrong into a finding', async () => {
    const boom = () => Promise.reject(new Error('libonnxruntime.so.1: cannot open shared object file\nand more'))
    const { signal } = new AbortController()
    expect(await checkEngine('onnx', 'cpu', boom, signal)).toMatchObject({
      status: 'problem',
      detail: 'libonnxruntime.so.1: cannot open shared object file',
    })
    const lacking = () => Promise.reject(new FedunifyError('E_ENGINE_UNAVAILABLE', 'no library', 'the command'))
    expect(await checkEngine('onnx', 'cuda', lacking, signal)).toEqual({
      subject: 'onnx on cuda',
      optional: true,
      status: 'absent',
      detail: 'no library',
      fix: 'the command',
    })
    const findings = await examine({ out: temporaryFolder(), data: temporaryFolder(), signal: AbortSignal.abort() })
    expect(findings.length).toBeGreaterThan(6)
    expect(await checkGit('no-such-git')).toMatchObject({ status: 'warning' })
  })

  it('warns of a GPU that trains otherwise than the CPU does', async () => {
    const { signal } = new AbortController()
    const cpu = onnxEngine({ device: 'cpu' })
    expect(await checkEngine('onnx', 'webgpu', async () => cpu, signal)).toMatchObject({ status: 'ok' })
    const wrong: Engine = {
      ...cpu,
      async open(job) {
        const learner = await cpu.open(job)
        return {
          ...learner,
          async train(start, plan, report) {
            const trained = await learner.train(start, plan, report)
            return { ...trained, weights: new Map([...trained.weights, ['conv2.weight', start.get('conv2.weight')!]]) }
          },
        }
      },
    }
    expect(await checkEngine('onnx', 'webgpu', async () => wrong, signal)).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('but its conv2.weight is 100 % off what the CPU trains'),
      fix: 'fedunify run --device cpu',
    })
  })
})

describe('the dataset', () => {
  it('is a problem where a file is another', async () => {
    const { dir, known } = await tinyDataset()
    writeTinyIdx(dir, { rows: 4, cols: 4, seed: 2 })
    expect(await checkDataset(undefined, { places: { project: '/nowhere', cache: dir, known } })).toMatchObject({
      status: 'problem',
      fix: `fedunify data fetch --force ${dir}`,
      data: true,
    })
    expect(await checkDataset(dir, { places: { known } })).toMatchObject({
      fix: `fedunify run --dataset idx --data ${dir}`,
    })
  })

  it('is a problem where no source answers, a warning where one does', async () => {
    const run = () => Promise.reject(new Error('apt-get is not installed'))
    const nowhere = {
      project: '/nowhere',
      cache: '/nowhere',
      system: '/nowhere',
      mirrors: ['http://127.0.0.1:9/'],
      run,
    }
    expect(await checkDataset(undefined, { places: nowhere })).toMatchObject({ status: 'problem', data: true })
    const address = await startServer((_, response) => response.end())
    const mirrors = ['http://127.0.0.1:9/', address]
    expect(await checkDataset(undefined, { places: { ...nowhere, mirrors } })).toMatchObject({
      status: 'warning',
      detail: `not here yet: a run fetches it from ${new URL(address).host} (31 MB)`,
      fix: 'fedunify data fetch',
    })
    expect(await checkDataset(undefined, { places: { ...nowhere, mirrors }, offline: true })).toMatchObject({
      status: 'problem',
      detail: 'not on this machine, and nothing may be fetched',
    })
  })

  it("is a warning where no mirror answers and Debian's archive does, as a run would fetch it from there", async () => {
    const archive = await startServer(({ url }, response) =>
      response.writeHead(url === '/pool/a.deb' ? 200 : 404).end(),
    )
    const mirrors = ['http://127.0.0.1:9/']
    const nowhere = { project: '/nowhere', cache: '/nowhere', system: '/nowhere', mirrors }
    const calls: (readonly string[])[] = []
    // Without lists apt-get knows no package, but where it would fetch lists from.
    const run = async (_: string, args: readonly string[]) => {
      calls.push(args)
      if (args.includes('download')) throw new Error('E: Unable to locate package')
      return `'${archive}pool/a.deb' a.deb 100 SHA256:0\n`
    }
    expect(await checkDataset(undefined, { places: { ...nowhere, run } })).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining("Debian's archive, package dataset-fashion-mnist"),
    })
    expect(calls.every((args) => args.includes('--print-uris'))).toBe(true)
    const gone = async () => `'${archive}pool/other.deb' a.deb 100 SHA256:0\n`
    expect(await checkDataset(undefined, { places: { ...nowhere, run: gone } })).toMatchObject({ status: 'problem' })
  })
})

describe('the machine', () => {
  it.each([
    ['20.17.0', '>=20.17', true],
    ['20.9.9', '>=20.17', false],
    ['24.0.0', '>=20.17', true],
    ['25.1.0', '>=20.17 <25', false],
    ['24.9.0', '>=20.17 <25', true],
  ])('node %s in %s: %s', (version, range, fits) => {
    expect(inRange(version, range)).toBe(fits)
  })

  it('reads processor features on x86 and ARM', () => {
    expect(featuresIn('model name\t: x\nflags\t\t: fpu sse avx avx2 avx512f\n')).toEqual(['avx2', 'avx512f'])
    expect(featuresIn('Features\t: fp asimd evtstrm\n')).toEqual(['neon'])
    expect(featuresIn('flags : fpu sse\n')).toEqual([])
  })

  it('says what is too old or too small', () => {
    expect(checkNode('18.20.0').status).toBe('problem')
    expect(checkMemory(5e8)).toMatchObject({ status: 'warning', fix: 'fedunify run --workers 1' })
    expect(space(5e8).status).toBe('warning')
    expect(space(1e6)).toMatchObject({ status: 'problem', data: true })
  })
})

describe('the results folder', () => {
  it('is a problem where a file has its name, or nothing can be made', async () => {
    const dir = temporaryFolder()
    writeFileSync(join(dir, 'results'), '')
    expect((await checkResults(join(dir, 'results')))[0]).toMatchObject({ status: 'problem', data: true })
    expect((await checkResults(join(dir, 'results', 'deeper')))[0]).toMatchObject({ status: 'problem' })
    mkdirSync(join(dir, 'fine'))
    expect((await checkResults(join(dir, 'fine')))[0]).toMatchObject({ status: 'ok' })
  })
})
