import { spawnSync } from 'node:child_process'
import { alone, file, flags } from './children.mjs'

const SCRIPT = file('torch_baseline.py')

/** The layouts of PyTorch that fedunify is measured against; NCHW is its default. */
export const LAYOUTS = { nchw: 'NCHW', channels_last: 'channels_last' }

/**
 * The first of these Pythons whose PyTorch is a fair match. One with the reference BLAS is not: its dense layers take
 * more time than all the rest, some 20 times what they take with OpenBLAS or MKL.
 * @param note told why one was passed over
 */
export function findTorch(pythons, note) {
  return pythons.find((python) => {
    const { status, stdout } = spawnSync(python, [SCRIPT, 'check'], { stdio: ['ignore', 'pipe', 'ignore'] })
    if (status !== 0) {
      note(`${python} has no PyTorch`)
      return false
    }
    const { blas, convolution, versions } = JSON.parse(stdout)
    if (blas > convolution / 5) return true
    note(
      `${python}: PyTorch ${versions.torch} has a slow BLAS (${blas.toFixed(0)} GFLOP/s, its convolutions ` +
        `${convolution.toFixed(0)}): that would flatter fedunify`,
    )
    return false
  })
}

/** The command of one PyTorch process: trains or evaluates when it is told to (see children.mjs). */
export const torchCommand = (python, mode, settings) => [python, SCRIPT, mode, ...flags(settings)]

/** The batch with which PyTorch evaluates these images fastest, of those that torch_baseline.py tries. */
export async function bestBatch(python, pin, settings) {
  const { rates } = await alone(pin(1, torchCommand(python, 'batches', settings)))
  const [best] = Object.entries(rates).sort(([, a], [, b]) => b - a)
  return Number(best[0])
}
