import { describe, expect, it } from 'vitest'
import { type Device, type Engine, LAYOUTS } from '../../src/engine/engine.ts'
import { requireProvider } from '../../src/engine/onnx/machine/providers.ts'
import type { EngineEntry } from '../../src/engine/registry.ts'
import { type Choice, selectEngine } from '../../src/engine/select.ts'
import { FedunifyError } from '../../src/errors.ts'
import { fedunify } from '../support/command-line.ts'
import { rejection } from '../support/learner.ts'

const entry = (name: string, devices: Device[], works: Device[], note?: string): EngineEntry => ({
  summary: name,
  devices,
  layouts: name === 'onnx' ? LAYOUTS : ['auto'],
  async load(device): Promise<Engine> {
    if (!works.includes(device))
      throw new FedunifyError('E_ENGINE_UNAVAILABLE', `${name} lacks ${device}`, `install ${name}`)
    const open = () => Promise.reject(new Error('not in this test'))
    return { name, device, version: '1', open, ...(note && { note }) }
  },
})

const choose = (choice: Partial<Choice>, engines: Record<string, EngineEntry>, gpu = false) =>
  selectEngine({ engine: 'auto', device: 'auto', layout: 'auto', ...choice }, { engines, gpu: async () => gpu })

describe('the engine of a run', () => {
  const onnx = (works: Device[]) => ({ onnx: entry('onnx', ['cuda', 'webgpu', 'cpu'], works) })

  it('is on the CPU where there is no GPU, without a word', async () => {
    expect(await choose({}, onnx(['cpu', 'cuda']))).toMatchObject({ device: 'cpu' })
    expect((await choose({}, onnx(['cpu']))).note).toBeUndefined()
  })

  it('is on CUDA where that works', async () => {
    expect(await choose({}, onnx(['cpu', 'cuda']), true)).toMatchObject({ device: 'cuda' })
  })

  it('falls back to the CPU and says why', async () => {
    expect(await choose({}, onnx(['cpu']), true)).toMatchObject({
      device: 'cpu',
      note: 'onnx on cuda: onnx lacks cuda',
    })
    const slow = { onnx: entry('onnx', ['cuda', 'cpu'], ['cpu'], 'slower') }
    expect((await choose({}, slow, true)).note).toBe('onnx on cuda: onnx lacks cuda; slower')
  })

  it('is never another device than the one that was named', async () => {
    const error = await rejection(choose({ device: 'cuda' }, onnx(['cpu']), true))
    expect(error).toMatchObject({ kind: 'usage', message: 'onnx lacks cuda', hint: 'install onnx' })
  })

  it('is one that does what is asked', async () => {
    const both = { ...onnx(['cpu']), tfjs: entry('tfjs', ['cuda', 'cpu'], ['cuda', 'cpu']) }
    expect(await choose({ device: 'cuda' }, both)).toMatchObject({
      name: 'tfjs',
      note: 'onnx on cuda: onnx lacks cuda',
    })
    expect(await choose({ engine: 'tfjs' }, both)).toMatchObject({ name: 'tfjs', device: 'cpu' })
    expect(await rejection(choose({ engine: 'tfjs', device: 'webgpu' }, both))).toMatchObject({
      message: 'engine tfjs does not compute on webgpu',
      hint: 'try --engine onnx',
    })
    expect(await rejection(choose({ engine: 'tfjs', layout: 'blocked' }, both))).toMatchObject({
      message: 'engine tfjs does not compute on auto in layout blocked',
      hint: 'try --engine onnx',
    })
    const neither = { onnx: entry('onnx', ['cuda'], []), tfjs: entry('tfjs', ['cuda'], []) }
    expect(await rejection(choose({ device: 'cuda' }, neither))).toMatchObject({
      kind: 'usage',
      message: 'nothing here computes on cuda: onnx on cuda: onnx lacks cuda; tfjs on cuda: tfjs lacks cuda',
      hint: 'install onnx',
    })
  })

  it('does not hide what is no lack', async () => {
    const broken = { onnx: { ...onnx([]).onnx, load: () => Promise.reject(new TypeError('a bug')) } }
    expect(await rejection(choose({}, broken, true))).toBeInstanceOf(TypeError)
  })
})

describe('a device that is not there', () => {
  it('is refused with what is missing and a command, before anything is written', async () => {
    for (const device of ['cuda', 'webgpu'] as const) {
      const there = await requireProvider(device).then(
        () => true,
        () => false,
      )
      if (there) continue
      const { code, err } = await fedunify(['run', '--device', device, '--engine', 'onnx'])
      expect(code).toBe(2)
      expect(err).toMatch(/^error: .*(CUDA|NVIDIA|GPU|WebGPU).*\nhint: .+\n$/)
    }
  })

  it('is not said of the layout of another', async () => {
    const { code, err } = await fedunify(['run', '--device', 'webgpu', '--layout', 'blocked'])
    expect([code, err]).toEqual([2, 'error: layout blocked is for the CPU, not for webgpu\n'])
  })
})
