import { execFile } from 'node:child_process'
import util, { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { missingGpuLibraries } from '../../src/engine/tfjs/gpu-libraries.ts'
import { type Import, type Loaded, loadBackend as loadInto, restoreUtil } from '../../src/engine/tfjs/load.ts'
import { FedunifyError } from '../../src/errors.ts'
import { rejection } from '../support/learner.ts'

const GPU = '@tensorflow/tfjs-node-gpu'

/** In a process that has loaded nothing yet. */
const loadBackend = (device: 'cpu' | 'cuda', load: Import) => loadInto(device, load, new Map())

/** Stands in for the packages that are named; any other is looked for where it is. */
const packages =
  (found: Record<string, unknown>): Import =>
  async (name) => {
    if (!(name in found)) return await import(name)
    if (found[name] instanceof Error) throw found[name]
    return found[name]
  }

/** A native package whose backend computes in JavaScript, but says that it is `isUsingGpuDevice`. */
const nativePackage = (isUsingGpuDevice: boolean) => ({
  ...tf,
  ready: async () => {},
  backend: () => ({ isUsingGpuDevice, binding: { TF_Version: '2.9.1' } }),
})

const refused = async (load: Import): Promise<FedunifyError> => {
  const error = await rejection(loadBackend('cuda', load))
  expect(error).toBeInstanceOf(FedunifyError)
  expect(error).toMatchObject({ kind: 'usage', exitCode: 2 })
  return error as FedunifyError
}

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /somewhere`), { code: 'ERR_MODULE_NOT_FOUND' })

const noBinding = new Error(
  'The Node.js native addon module (tfjs_binding.node) can not be found at path: /x/tfjs_binding.node. \nPlease run …',
)

describe('cuda', () => {
  it('is refused where the package is not installed', async () => {
    const error = await refused(packages({ [GPU]: missing(GPU) }))
    expect(error.message).toBe(`${GPU} is not installed: the tfjs engine needs it for cuda`)
    expect(error.hint).toMatch(/^npm install @tensorflow\/tfjs-node-gpu, then npm explore /)
  })

  it('is refused where the package came without its native library', async () => {
    const error = await refused(packages({ [GPU]: noBinding }))
    expect(error.message).toMatch(/installed without its native library/)
    expect(error.hint).toMatch(/^npm explore @tensorflow\/tfjs-node-gpu -- npm run install/)
  })

  it.each([
    missing('@mapbox/node-pre-gyp'),
    Object.assign(new Error('libtensorflow.so.2: cannot open shared object file'), { code: 'ERR_DLOPEN_FAILED' }),
  ])('is refused with the cause where the package does not load: %s', async (cause) => {
    const error = await refused(packages({ [GPU]: cause }))
    expect(error.message).toBe(`${GPU} cannot be loaded: ${cause.message}`)
    expect(error.cause).toBe(cause)
  })

  it('is refused where TensorFlow fell back to the CPU', async () => {
    const error = await refused(packages({ [GPU]: nativePackage(false) }))
    expect(error.message).toMatch(/^TensorFlow found no GPU that it can use and fell back to the CPU/)
    expect(error.hint).toMatch(/CUDA 11\.2|nvidia-smi/)
    for (const library of missingGpuLibraries()) expect(error.message).toContain(library)
  })

  it('is taken where TensorFlow has a GPU', async () => {
    const backend = await loadBackend('cuda', packages({ [GPU]: nativePackage(true) }))
    expect(backend).toMatchObject({ native: true, version: `tfjs-node-gpu ${tf.version.tfjs}, TensorFlow 2.9.1` })
  })
})

describe('cpu', () => {
  it.each([missing('@tensorflow/tfjs-node'), noBinding])('falls back to JavaScript, and says so: %s', async (error) => {
    const backend = await loadBackend('cpu', packages({ '@tensorflow/tfjs-node': error }))
    expect(backend).toMatchObject({ native: false, version: `tfjs ${tf.version.tfjs}, pure JS` })
    expect(backend.tf.getBackend()).toBe('cpu')
  })

  it('takes tfjs-node where it loads', async () => {
    const backend = await loadBackend('cpu', packages({ '@tensorflow/tfjs-node': nativePackage(false) }))
    expect(backend).toMatchObject({ native: true, version: `tfjs-node ${tf.version.tfjs}, TensorFlow 2.9.1` })
  })

  it('is refused where there is no TensorFlow.js at all', async () => {
    const none = Object.fromEntries(['@tensorflow/tfjs-node', '@tensorflow/tfjs'].map((name) => [name, missing(name)]))
    const error = await rejection(loadBackend('cpu', packages(none)))
    expect(error).toMatchObject({ kind: 'usage', hint: expect.stringMatching(/^npm install @tensorflow\/tfjs-node/) })
  })
})

describe('both native packages', () => {
  const NATIVE = '@tensorflow/tfjs-node'
  const both = (onGpu: boolean) => packages({ [GPU]: nativePackage(onGpu), [NATIVE]: nativePackage(false) })

  it('are not loaded into one process: the one that is there stays', async () => {
    const loaded: Loaded = new Map()
    await loadInto('cuda', both(true), loaded)
    const error = await rejection(loadInto('cpu', both(true), loaded))
    expect(error).toMatchObject({
      code: 'E_ENGINE_UNAVAILABLE',
      message: `${NATIVE} is not loaded beside ${GPU}: a process has one of them`,
    })
    const other: Loaded = new Map()
    await loadInto('cpu', both(true), other)
    expect(await rejection(loadInto('cuda', both(true), other))).toMatchObject({
      message: `${GPU} is not loaded beside ${NATIVE}: a process has one of them`,
    })
    expect([...loaded.keys(), ...other.keys()]).toEqual([GPU, NATIVE])
  })

  it('need not be: one for the GPU that finds none computes on the CPU', async () => {
    const loaded: Loaded = new Map()
    await rejection(loadInto('cuda', both(false), loaded))
    expect((await loadInto('cpu', both(false), loaded)).version).toMatch(/^tfjs-node-gpu /)
  })

  it('say nothing where one has registered its kernels and does not load', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    onTestFinished(() => warn.mockRestore())
    const loaded: Loaded = new Map()
    const registering: Import = async (name) => {
      if (name === GPU) throw noBinding
      for (let i = 0; i < 155; i++) console.warn(`The kernel '${i}' for backend 'tensorflow' is already registered`)
      console.warn('something else')
      return nativePackage(false)
    }
    await rejection(loadInto('cuda', registering, loaded))
    expect((await loadInto('cpu', registering, loaded)).version).toMatch(/^tfjs-node /)
    expect(warn.mock.calls).toEqual([['something else']])
  })
})

describe('before TensorFlow is loaded', () => {
  const given = process.env.TF_FORCE_GPU_ALLOW_GROWTH
  afterEach(() => {
    if (given === undefined) delete process.env.TF_FORCE_GPU_ALLOW_GROWTH
    else process.env.TF_FORCE_GPU_ALLOW_GROWTH = given
  })

  it.each([
    [undefined, 'true'],
    ['false', 'false'],
  ])('a GPU’s memory is set to grow, unless the user has set it: %s', async (user, expected) => {
    if (user === undefined) delete process.env.TF_FORCE_GPU_ALLOW_GROWTH
    else process.env.TF_FORCE_GPU_ALLOW_GROWTH = user
    let seen: string | undefined
    await loadBackend('cuda', async () => {
      seen = process.env.TF_FORCE_GPU_ALLOW_GROWTH
      expect(typeof Reflect.get(util, 'isNullOrUndefined')).toBe('function')
      return nativePackage(true)
    })
    expect(seen).toBe(expected)
  })

  it.each([
    [undefined, '2'],
    ['0', '0'],
  ])('its own log has errors alone, unless the user has set it: %s', async (user, expected) => {
    vi.stubEnv('TF_CPP_MIN_LOG_LEVEL', user)
    onTestFinished(() => void vi.unstubAllEnvs())
    let seen: string | undefined
    await loadBackend('cuda', async () => {
      seen = process.env.TF_CPP_MIN_LOG_LEVEL
      return nativePackage(true)
    })
    expect(seen).toBe(expected)
  })

  it('node:util gets back what it lost, and nothing that it has is touched', () => {
    const own = () => true
    const target: Record<string, unknown> = { isArray: own }
    restoreUtil(target)
    const isNullOrUndefined = target.isNullOrUndefined as (value: unknown) => boolean
    expect([null, undefined, 0, '', false, Number.NaN].map(isNullOrUndefined)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    expect(target.isArray).toBe(own)
    const bare: Record<string, unknown> = {}
    restoreUtil(bare)
    expect([[], {}, 'a'].map(bare.isArray as (value: unknown) => boolean)).toEqual([true, false, false])
  })

  it.runIf(process.platform === 'linux')('the loader itself is asked for the GPU’s libraries', () => {
    expect(missingGpuLibraries(['libc.so.6', 'libnothing-of-the-kind.so.99'])).toEqual(['libnothing-of-the-kind.so.99'])
  })

  it('nothing of it is loaded with the engine’s module', async () => {
    const module = new URL('../../build/engine/tfjs/tfjs-engine.js', import.meta.url)
    const script = `await import(${JSON.stringify(module.href)})
      const { createRequire } = await import('node:module')
      console.log(Object.keys(createRequire(${JSON.stringify(module.href)}).cache).filter((file) => file.includes('tensorflow')).length)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout.trim()).toBe('0')
  })
})
