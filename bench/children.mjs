import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * Starts programs that print `ready`, wait for a line on stdin, work, and end with one line of JSON.
 * All begin once all are ready.
 * @param commands one [program, ...arguments] for each process
 * @returns what each printed
 */
export async function together(commands) {
  const children = commands.map(start)
  await Promise.all(children.map(({ ready }) => ready))
  for (const { child } of children) child.stdin.write('go\n')
  return Promise.all(children.map(({ result }) => result))
}

/** Runs one program to its end, and returns the JSON of its last line. */
export const alone = (command) => start(command).result

function start([program, ...args]) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {}) // a child that died tells so by its exit code
  const lines = createInterface({ input: child.stdout })
  let last = ''
  lines.on('line', (line) => {
    last = line
  })
  const result = new Promise((resolve, reject) => {
    const name = args.find((arg) => /\.(mjs|py)$/.test(arg)) ?? program
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(last))
      else reject(new Error(`${name} ended with ${signal ?? `exit code ${code}`}`))
    })
  })
  const ready = Promise.race([new Promise((resolve) => lines.once('line', resolve)), result])
  return { child, ready, result }
}

/**
 * The first of these Pythons whose PyTorch is a fair match. One with the reference BLAS is not: its dense layers take
 * more time than all the rest, some 20 times what they take with OpenBLAS or MKL.
 * @param script torch_baseline.py
 * @param note told why one was passed over
 */
export function findTorch(pythons, script, note) {
  return pythons.find((python) => {
    const { status, stdout } = spawnSync(python, [script, '--check'], { stdio: ['ignore', 'pipe', 'ignore'] })
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
