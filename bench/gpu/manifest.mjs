// Writes OUT/day.json: the machine, the versions, and which steps were run how. `node manifest.mjs OUT BUNDLE`

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { json } from '../figures.mjs'
import { machine } from '../machine.mjs'

const [out, bundle] = process.argv.slice(2)
const { SPEED_SECONDS, TABLE4_SECONDS, TABLE4_DEVICE } = process.env

const versionOf = (path) => JSON.parse(read(join(bundle, path, 'package.json')) ?? '{}').version
const steps = (read(join(bundle, 'steps.txt')) ?? '')
  .trim()
  .split('\n')
  .map((line) => {
    const [step, seconds, code] = line.split(' ')
    return { step, seconds: Number(seconds), exit_code: Number(code) }
  })
const query = ['--query-gpu=name,driver_version,memory.total,compute_cap', '--format=csv,noheader']
const [gpu, driver, gpuMemory, capability] = print('nvidia-smi', query)?.split(', ') ?? []
const torch = print('python3', [
  '-c',
  'import platform, torch; print(torch.__version__, torch.version.cuda, torch.backends.cudnn.version(), platform.python_version())',
])
const [torchVersion, cuda, cudnn, python] = torch?.split(' ') ?? []
const vulkan = print('python3', [join(bundle, 'bench/gpu/vulkan.py')])

const manifest = {
  date: new Date().toISOString(),
  machine: { ...machine(), gpu, driver, gpu_memory: gpuMemory, compute_capability: capability },
  vulkan: vulkan
    ?.split('\n')
    .slice(1)
    .map((line) => line.trim()),
  versions: {
    fedunify: versionOf('app/node_modules/fedunify'),
    commit: read(join(bundle, 'commit'))?.trim(),
    node: process.versions.node,
    onnxruntime_cpu_and_webgpu: versionOf('app/node_modules/onnxruntime-node'),
    onnxruntime_cuda: versionOf('app-cuda/node_modules/onnxruntime-node'),
    ...{ torch: torchVersion, cuda, cudnn, python },
  },
  command: `bash day.sh OUT ${steps.map(({ step }) => step).join(' ')}`,
  environment: { SPEED_SECONDS, TABLE4_SECONDS, TABLE4_DEVICE },
  steps,
}
writeFileSync(join(out, 'day.json'), json(manifest))
console.log(json(manifest))

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function print(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
