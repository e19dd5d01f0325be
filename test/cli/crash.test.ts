import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BINARY, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, tornFiles } from '../support/run-folder.ts'

const { folder, experiment } = workshop()

/** Runs the binary with code of ours before it, in its main thread. */
function preloaded(code: string, args: readonly string[]) {
  const file = join(temporaryFolder(), 'preload.cjs')
  writeFileSync(file, `if (require('node:worker_threads').isMainThread) { ${code} }`)
  return runBinary(args, { env: { NODE_OPTIONS: `--require ${file}` } })
}

describe('an error that nobody caught', () => {
  const run = (name: string) => ['run', experiment(name), '--rounds', '100000', '--run-id', 'a']
  const whenTraining = (statement: string) => `
    const write = process.stderr.write
    process.stderr.write = function (text, ...rest) {
      if (String(text).startsWith('round ')) setTimeout(() => { ${statement} })
      return write.call(this, text, ...rest)
    }`

  it.each([
    ['throw', 'throw new Error("boom")'],
    ['rejection', 'Promise.reject(new Error("boom"))'],
  ])('ends a run with 4 and whole files: %s', async (name, statement) => {
    const { code, signal, err } = await preloaded(whenTraining(statement), run(name))
    expect([code, signal]).toEqual([4, null])
    expect(err).toMatch(/\nerror: boom\nhint: this is a bug of fedunify: please report it\nError: boom\n/)
    expect(err.match(/^error: /gm)).toHaveLength(1)
    const path = join(folder, 'results', name, 'a')
    expect(tornFiles(path)).toEqual([])
    expect(manifestOf(path).status).toBe('interrupted')
  })

  it('is one line where the system gave it', async () => {
    const statement = 'throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE", errno: -24 })'
    const { code, err } = await preloaded(whenTraining(statement), run('system'))
    expect(err).toMatch(/\nerror: too many open files\nhint: raise the limit: ulimit -n 1024\n$/)
    expect(code).toBe(2)
  })
})

it('a promise that is never kept is no success', async () => {
  const never = `require('node:fs/promises').stat = () => new Promise(() => {})
    require('node:module').syncBuiltinESMExports()`
  const { code, out, err } = await preloaded(never, ['check', folder])
  expect([code, out]).toEqual([4, ''])
  expect(err).toMatch(/^error: ended before it was done\nhint: .*\n$/)
})

it('a current folder that is gone is told of', async () => {
  const command = ['bash', '-c', 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"', 'bash'] as const
  for (const args of [
    ['check', 'a'],
    ['report', 'a'],
    ['compare', 'a', 'b'],
  ]) {
    const { code, out, err } = await runBinary([process.execPath, BINARY, ...args], { command })
    expect(out + err).toContain('no such file or directory')
    expect(err).toMatch(/^error: .*\n(hint: .*\n)?$/)
    expect(code).toBe(3)
  }
})

describe('an installation that is not whole', () => {
  /** What is shipped, in a folder of its own. */
  function installed(change: (dir: string) => void) {
    const dir = temporaryFolder()
    const root = dirname(dirname(BINARY))
    cpSync(join(root, 'dist'), join(dir, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(dir, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
    change(dir)
    return (args: readonly string[]) =>
      runBinary(args, { command: [process.execPath, join(dir, 'dist', 'bin.js')], env: { NODE_OPTIONS: '' } })
  }
  const remove = (dir: string, pattern: RegExp) => {
    for (const name of readdirSync(join(dir, 'dist'))) if (pattern.test(name)) rmSync(join(dir, 'dist', name))
  }
  const line = (text: string) => new RegExp(`^error: .*${text}.*\nhint: install it again\n$`)

  it.each([
    ['package.json', (dir: string) => rmSync(join(dir, 'package.json'))],
    ['commander', (dir: string) => rmSync(join(dir, 'node_modules'))],
    ['start-', (dir: string) => remove(dir, /^start-/)],
    ['check-', (dir: string) => remove(dir, /^check-/)],
  ])('is told of in one line: %s', async (what, change) => {
    const { code, out, err } = await installed(change)(['check', folder])
    expect(err).toMatch(line(what))
    expect([code, out]).toEqual([2, ''])
  })

  it('is told of where a thread lacks something', async () => {
    const run = ['run', experiment('lacking'), '--quiet', '--run-id']
    const { code, err } = await installed((dir) => remove(dir, /^worker\.js$/))([...run, 'a'])
    expect(err).toMatch(line('worker.js'))
    expect(code).toBe(2)
  })

  it('is told of where a thread ends before it works', async () => {
    const ends = installed((dir) => writeFileSync(join(dir, 'dist', 'worker.js'), 'process.exit(1)'))
    const { code, err } = await ends(['run', experiment('ends'), '--quiet', '--run-id', 'a'])
    expect(err).toMatch(/^error: .* the onnx engine failed: a thread ended by itself\n$/)
    expect(code).toBe(4)
  })
})

it('the program says nothing that only a module can, so that it runs without package.json', () => {
  expect(readFileSync(BINARY, 'utf8')).not.toMatch(/^(import|export)\b(?!\()/m)
})
