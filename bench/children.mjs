import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The path of a file of this folder. */
export const file = (name) => fileURLToPath(new URL(name, import.meta.url))

/** { images: 1600 } as a command line has it: --images 1600. */
export const flags = (values) => Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])

/**
 * Starts programs that print `ready`, wait for a line on stdin, work, and end with one line of JSON.
 * All begin once all are ready.
 * @param commands one [program, ...arguments] for each process
 * @returns what each printed
 */
export async function together(commands) {
  const children = commands.map(start)
  try {
    await Promise.all(children.map(({ ready }) => ready))
    for (const { child } of children) child.stdin.write('go\n')
    return await Promise.all(children.map(({ result }) => result))
  } catch (error) {
    for (const { child } of children) child.kill() // else the others wait for ever
    throw error
  }
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
      if (code === 0 && last.startsWith('{')) resolve(JSON.parse(last))
      else reject(new Error(`${name} ended with ${signal ?? `exit code ${code}`}${code === 0 ? ' and no JSON' : ''}`))
    })
  })
  const ready = Promise.race([new Promise((resolve) => lines.once('line', resolve)), result])
  ready.catch(() => {}) // whoever waits for the result alone learns of a failure there
  return { child, ready, result }
}
