import util from 'node:util'
import { FedunifyError, messageOf } from '../../errors.ts'
import { missingGpuLibraries } from './gpu-libraries.ts'

export type Tf = typeof import('@tensorflow/tfjs')

export interface Backend {
  readonly tf: Tf
  /** Name and version of what computes. */
  readonly version: string
  /** Computed by the TensorFlow library, not in JavaScript. */
  readonly native: boolean
}

/** What a native package's backend tells about itself. */
interface NativeBackend {
  readonly isUsingGpuDevice: boolean
  readonly binding: { readonly TF_Version: string }
}

/** `import()` as a value, so that a test can replace packages that are not there. */
export type Import = (specifier: string) => Promise<unknown>

const GPU = '@tensorflow/tfjs-node-gpu'
/** Its install script, which does not run by itself: few who install fedunify have use for a large library for CUDA. */
const FETCH = `npm explore ${GPU} -- npm run install`
const NATIVE = '@tensorflow/tfjs-node'
/** The umbrella package: the core alone has no layers and registers no gradients. */
const PURE = '@tensorflow/tfjs'

/** Native packages that this process has loaded, by name. */
export type Loaded = Map<string, Backend>

const LOADED: Loaded = new Map()

/**
 * Loads TensorFlow.js and makes its backend ready. A process has one of the native packages: both register the backend
 * `tensorflow`, and the one that comes first is what computes.
 * @throws FedunifyError (usage) that says what is missing, for cuda also where TensorFlow fell back to the CPU
 */
export async function loadBackend(
  device: 'cpu' | 'cuda',
  load: Import = (specifier) => import(specifier),
  loaded = LOADED,
): Promise<Backend> {
  prepareEnvironment()
  const quietly: Import = (specifier) => withoutRepeats(() => load(specifier))
  if (device === 'cuda') return await loadGpu(quietly, loaded)
  const gpu = loaded.get(GPU)
  if (gpu) {
    // On the CPU, to which it fell back, it is what the other one would be.
    if (!isOnGpu(gpu)) return gpu
    throw beside(NATIVE, GPU)
  }
  try {
    return await loadNative(quietly, NATIVE, loaded)
  } catch {
    return await loadPure(quietly)
  }
}

const isOnGpu = ({ tf }: Backend) => (tf.backend() as unknown as NativeBackend).isUsingGpuDevice

const beside = (asked: string, there: string) =>
  new FedunifyError('E_ENGINE_UNAVAILABLE', `${asked} is not loaded beside ${there}: a process has one of them`)

/** A package that does not load may have registered its kernels by then: the next one would complain of each. */
async function withoutRepeats<T>(task: () => Promise<T>): Promise<T> {
  const { warn } = console
  console.warn = (...told: unknown[]) => {
    if (!/already registered/.test(String(told[0]))) warn(...told)
  }
  try {
    return await task()
  } finally {
    console.warn = warn
  }
}

async function loadGpu(load: Import, loaded: Loaded): Promise<Backend> {
  if (loaded.has(NATIVE)) throw beside(GPU, NATIVE)
  const backend = await loadNative(load, GPU, loaded).catch((error) => {
    throw refusal(error)
  })
  if (isOnGpu(backend)) return backend
  const missing = missingGpuLibraries()
  throw new FedunifyError(
    'E_ENGINE_UNAVAILABLE',
    `TensorFlow found no GPU that it can use and fell back to the CPU${missing.length > 0 ? `: ${missing.join(', ')} cannot be loaded` : ''}`,
    missing.length > 0
      ? `${GPU} needs an NVIDIA driver (libcuda.so.1), CUDA 11.2 and cuDNN 8.1; put their folders into LD_LIBRARY_PATH`
      : 'see what nvidia-smi shows, and whether CUDA_VISIBLE_DEVICES hides the GPU',
  )
}

async function loadNative(load: Import, name: string, loaded: Loaded): Promise<Backend> {
  const tf = (await load(name)) as Tf
  await tf.ready()
  const { binding } = tf.backend() as unknown as NativeBackend
  const short = name.replace('@tensorflow/', '')
  const backend = { tf, version: `${short} ${tf.version.tfjs}, TensorFlow ${binding.TF_Version}`, native: true }
  loaded.set(name, backend)
  return backend
}

async function loadPure(load: Import): Promise<Backend> {
  const tf = (await load(PURE).catch((error) => {
    throw new FedunifyError(
      'E_ENGINE_UNAVAILABLE',
      `the tfjs engine cannot load ${PURE}: ${firstLine(error)}`,
      `npm install ${NATIVE}, or ${PURE} (pure JavaScript, slow)`,
      { cause: error },
    )
  })) as Tf
  // Keeps the library from advertising its native backend on the console.
  tf.enableProdMode()
  await tf.setBackend('cpu')
  return { tf, version: `tfjs ${tf.version.tfjs}, pure JS`, native: false }
}

/** Why the GPU package did not load, and what helps. */
function refusal(error: unknown): FedunifyError {
  const refuse = (what: string, hint: string) => new FedunifyError('E_ENGINE_UNAVAILABLE', what, hint, { cause: error })
  const message = messageOf(error)
  // Named in the message: a package that it needs itself may be missing, too.
  if (message.includes(`Cannot find package '${GPU}'`)) {
    return refuse(`${GPU} is not installed: the tfjs engine needs it for cuda`, `npm install ${GPU}, then ${FETCH}`)
  }
  if (message.includes('native addon module')) {
    return refuse(
      `${GPU} is installed without its native library`,
      `${FETCH} (it fetches TensorFlow from the internet)`,
    )
  }
  return refuse(`${GPU} cannot be loaded: ${firstLine(error)}`, FETCH)
}

const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!

/** What TensorFlow reads when it is loaded; a user's own settings stay. */
function prepareEnvironment(): void {
  // Memory as it is needed, not all of the GPU's at once.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'
  // Errors only: its notes would tear the progress display.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  restoreUtil(util)
}

/**
 * Gives node:util back what tfjs-node 4.22, its last release, calls: isNullOrUndefined went with Node 23
 * (tensorflow/tfjs#8425, merged and never released), and the deprecated isArray may go any time.
 */
export function restoreUtil(target: object): void {
  const shims = {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: (value: unknown) => Array.isArray(value),
  }
  for (const [name, shim] of Object.entries(shims)) {
    if (!(name in target)) Object.defineProperty(target, name, { value: shim, configurable: true, writable: true })
  }
}
