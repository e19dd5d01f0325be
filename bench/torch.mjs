import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { alone, file, flags } from './children.mjs'
import { newestFair } from './newest-fair.mjs'

const SCRIPT = file('torch_baseline.py')

/** The layouts of PyTorch that fedunify is measured against; NCHW is its default. */
export const LAYOUTS = { nchw: 'NCHW', channels_last: 'channels_last' }

/** Virtual environments that git ignores: the bench's own, and the project's. */
const ENVIRONMENTS = ['.venv', '../.venv'].flatMap((folder) =>
  ['bin/python', 'Scripts/python.exe'].map((python) => file(`${folder}/${python}`)),
)

/**
 * Looks for the newest PyTorch that is a fair match.
 * @param named a Python to look at too, before those of the system
 * @param note told what was found, and what was passed over
 * @returns its Python; undefined if there is none
 */
export function findTorch(named, note) {
  const pythons = [
    ...ENVIRONMENTS.filter((path) => existsSync(path)).map((path) => ({ path, name: 'a virtual environment' })),
    ...(named ? [{ path: named, name: '--python' }] : []),
    { path: 'python3', name: 'python3' },
    { path: '/usr/bin/python3', name: '/usr/bin/python3' },
  ]
  return newestFair(pythons.map(look), note)?.path
}

/** What the PyTorch of a Python is. */
function look(python) {
  const { status, stdout } = spawnSync(python.path, [SCRIPT, 'check'], { stdio: ['ignore', 'pipe', 'ignore'] })
  return { ...python, torch: status === 0 ? JSON.parse(stdout) : undefined }
}

/** The command of one PyTorch process: trains or evaluates when it is told to (see children.mjs). */
export const torchCommand = (python, mode, settings) => [python, SCRIPT, mode, ...flags(settings)]

/** The batch with which PyTorch evaluates these images fastest, of those that torch_baseline.py tries. */
export async function bestBatch(python, pin, settings) {
  const { rates } = await alone(pin(1, torchCommand(python, 'batches', settings)))
  const [best] = Object.entries(rates).sort(([, a], [, b]) => b - a)
  return Number(best[0])
}
