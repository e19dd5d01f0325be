import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BINARY, runBinary, start } from '../support/binary.ts'
import { SLOW_MODEL, workshop } from '../support/experiment.ts'
import { manifestOf, rowsOf, tornFiles } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const path = (name: string, id: string) => join(folder, 'results', name, id)
const has = (program: string) => !spawnSync(program, ['--version']).error
const CRASH = /core dumped|Aborted|terminate called|Segmentation|Unhandled|\n {4}at /

/** What moves the cursor, clears and colours. */
const ESCAPES = new RegExp(`${'\x1b'}\\[[\\d;?]*[A-Za-z]`, 'g')

describe('the built binary', () => {
  it('learns, and tells what it wrote', async () => {
    const { code, out, err } = await runBinary(['run', experiment('learns'), '--run-id', 'a', '--rounds', '5'])
    expect(code).toBe(0)
    const run = path('learns', 'a')
    // Chance is a quarter.
    expect(Number(rowsOf(run, 'unified.csv').at(-1)!.accuracy)).toBeGreaterThan(0.8)
    expect(err.match(/^round \d\/5 +\d+\.\d\d /gm)).toHaveLength(5)
    expect(out + err).not.toContain('\x1b')
    expect(out).not.toMatch(/^round \d\//m)
    const lines = out.split('\n')
    const listed = lines
      .slice(lines.indexOf(`${run}/`) + 1, lines.indexOf('next:'))
      .join(' ')
      .trim()
      .split(/ +/)
    expect(listed.sort()).toEqual(readdirSync(run).sort())
    expect(manifestOf(run).status).toBe('finished')
  })

  it('runs in any folder, with relative paths, in a repository or not', async () => {
    const cwd = join(folder, 'elsewhere')
    mkdirSync(cwd)
    experiment('elsewhere', { out: 'results', data: '../idx' })
    const args = ['run', '../elsewhere.yaml', '--quiet', '--rounds', '1', '--run-id', 'a']
    expect((await runBinary(args, { cwd, env: { GIT_CEILING_DIRECTORIES: folder } })).code).toBe(0)
    expect(manifestOf(join(cwd, 'results', 'elsewhere', 'a'))).toMatchObject({
      git: null,
      dataset: { source: '../idx' },
    })
  })

  it('exits as its command line does in process', async () => {
    const far = ['run', experiment('far'), '--lr', '1e9', '--quiet']
    const all = [['--help'], ['run', '--lr', '0'], ['data', 'verify', folder], far].map((args) => runBinary(args))
    expect((await Promise.all(all)).map(({ code }) => code)).toEqual([0, 2, 3, 4])
  })

  it('honours NO_COLOR and FORCE_COLOR', async () => {
    const all = [{}, { FORCE_COLOR: '1' }, { FORCE_COLOR: '1', NO_COLOR: '1' }].map((env) =>
      runBinary(['run', '--lr', '0'], { env: { ...env } }),
    )
    const [plain, forced, none] = (await Promise.all(all)).map(({ err }) => err)
    expect(plain).toMatch(/^error: /)
    expect(forced).toContain('\x1b[31m')
    expect(none).toBe(plain)
  })
})

describe('a native library that does not load', () => {
  const preload = (message: string) => {
    const file = join(folder, `preload-${randomBytes(4).toString('hex')}.cjs`)
    writeFileSync(
      file,
      `const load = process.dlopen
      process.dlopen = (module, file, ...rest) => {
        if (!file.includes('onnxruntime')) return load.call(process, module, file, ...rest)
        throw Object.assign(new Error(${JSON.stringify(message)}), { code: 'ERR_DLOPEN_FAILED' })
      }`,
    )
    return `--require ${file}`
  }
  const run = (id: string, args: string[], env: Record<string, string>) =>
    runBinary(['run', experiment('native'), '--quiet', '--run-id', id, '--engine', 'onnx', ...args], { env })

  it.each(['standard', 'blocked', 'auto'])('is told of in one line: layout %s', async (layout) => {
    const message = "/lib/libc.so.6: version `GLIBC_2.99' not found\nrequired by"
    const env = { NODE_OPTIONS: preload(message), XDG_CACHE_HOME: join(folder, 'no-cache') }
    const { code, out, err } = await run(`cold-${layout}`, ['--layout', layout], env)
    expect(err).toMatch(
      /^error: onnxruntime \S+ does not load here: \S+ version `GLIBC_2\.99' not found\nhint: .*doctor\n$/,
    )
    expect([code, out, existsSync(path('native', `cold-${layout}`))]).toEqual([2, '', false])
  })

  it('is told of also where threads are the first to load it', async () => {
    const cache = join(folder, 'cache')
    expect(await run('before', [], { XDG_CACHE_HOME: cache })).toMatchObject({ code: 0, err: '' })
    const message = 'Error loading shared library ld-linux-x86-64.so.2: No such file or directory'
    const broken = await run('after', [], { XDG_CACHE_HOME: cache, NODE_OPTIONS: preload(message) })
    expect(broken).toMatchObject({ code: 2, out: '' })
    expect(broken.err).toMatch(
      /^error: onnxruntime \S+ does not load here: Error loading .*\nhint: it needs glibc: .*\n$/,
    )
    expect(manifestOf(path('native', 'after'))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('ld-linux'),
    })
  })
})

describe('a run that is stopped', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('by %s finishes its files and exits 130', async (signal) => {
    const running = start(['run', experiment('stopped'), '--run-id', signal, '--rounds', '10000'])
    await running.says('round     2/10000')
    running.child.kill(signal)
    const { code, err } = await running.ended
    expect(code).toBe(130)
    expect(err).toMatch(/\nerror: interrupted\nhint: .*\n$/)
    expect(err).not.toMatch(CRASH)
    const run = path('stopped', signal)
    const { status, rounds } = manifestOf(run)
    expect(status).toBe('interrupted')
    expect(rowsOf(run, 'unified.csv')).toHaveLength(rounds)
    expect(rowsOf(run, 'local.csv')).toHaveLength(2 * rounds)
    expect(tornFiles(run)).toEqual([])
    expect(readdirSync(run).filter((file) => file.startsWith('.'))).toEqual([])
  })

  it('twice ends at once, without a crash', async () => {
    const file = experiment('twice', { model: SLOW_MODEL })
    const running = start(['run', file, '--run-id', 'a', '--local-epochs', '100'])
    await running.says('owner 2')
    await new Promise((resolve) => setTimeout(resolve, 300))
    running.child.kill('SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const second = performance.now()
    running.child.kill('SIGINT')
    const { code, signal, err } = await running.ended
    expect(code === 130 || signal === 'SIGINT', `${code} ${signal}`).toBe(true)
    expect(performance.now() - second).toBeLessThan(3000)
    expect(err).not.toMatch(CRASH)
    expect(tornFiles(path('twice', 'a'))).toEqual([])
  })

  it('by SIGKILL leaves whole rows', async () => {
    const running = start(['run', experiment('killed'), '--run-id', 'a', '--rounds', '10000'])
    await running.says('round     5/10000')
    running.child.kill('SIGKILL')
    expect((await running.ended).signal).toBe('SIGKILL')
    const run = path('killed', 'a')
    expect(tornFiles(run)).toEqual([])
    expect(rowsOf(run, 'unified.csv').length).toBeGreaterThanOrEqual(5)
    expect(manifestOf(run).status).toBe('running')
  })
})

describe('output that nobody reads', () => {
  it.each(['--json', '--quiet'])('does not crash it: %s', async (flag) => {
    const running = start(['run', experiment('unread'), '--run-id', `x${flag}`, '--rounds', '10', flag])
    if (flag === '--json') await running.says('"type":"started"')
    running.child.stdout!.destroy()
    const { code, signal, err } = await running.ended
    expect(signal).toBeNull()
    expect([0, 130]).toContain(code)
    expect(err).not.toMatch(/EPIPE|\n {4}at /)
    expect(tornFiles(path('unread', `x${flag}`))).toEqual([])
  })

  it.skipIf(!has('bash'))('may be cut by head', async () => {
    const { code, out, err } = await runBinary(
      ['-c', '"$0" "$@" | head -n 1', process.execPath, BINARY, 'run', experiment('head'), '--json', '--quiet'],
      { command: ['bash'] },
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^\{"type":"started".*\n$/)
    expect(err).not.toMatch(CRASH)
  })
})

// Such a failure must not look like what a check found, which is 1.
it.skipIf(!existsSync('/dev/full') || !has('bash'))('output that has no room is an error of its own', async () => {
  const { code, err } = await runBinary(['-c', '"$0" "$@" > /dev/full', process.execPath, BINARY, 'config', 'schema'], {
    command: ['bash'],
  })
  expect(err).toBe('error: cannot write the output: ENOSPC: no space left on device, write\n')
  expect(code).toBe(3)
})

// A limit on the size of files stands for a full disk: the system refuses what goes beyond, in the midst of a write.
describe.skipIf(!has('bash'))('a disk that is full', () => {
  const limited = (kib: number, id: string) =>
    runBinary([process.execPath, BINARY, 'run', file, '--quiet', '--rounds', '60', '--run-id', id], {
      command: ['bash', '-c', `trap '' XFSZ; ulimit -f ${kib}; exec "$@"`, 'bash'],
    })
  // A few kB of weights: the events and the tables outgrow every other file.
  const file = experiment('full', { model: [{ type: 'flatten' }, { type: 'dense', units: 4 }], batch: 32 })

  it('in the midst of a run leaves whole rows of the rounds before', async () => {
    const { code, out, err } = await limited(8, 'late')
    expect(code).toBe(3)
    expect(out).toBe('')
    const run = path('full', 'late')
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^error: .*\/full\/late\/\S+: no space left to write it \(EFBIG\)$/),
      expect.stringMatching(/^hint: free some space/),
      '',
    ])
    expect(tornFiles(run)).toEqual([])
    expect(rowsOf(run, 'unified.csv').length).toBeGreaterThanOrEqual(1)
    expect(manifestOf(run)).toMatchObject({ status: 'failed', reason: expect.stringContaining('no space left') })
    expect(readdirSync(run).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('at the start leaves nothing', async () => {
    const { code, err } = await limited(1, 'early')
    expect(code).toBe(3)
    expect(err).toMatch(/^error: .*: no space left to write it \(EFBIG\)\nhint: .*\n$/)
    expect(existsSync(path('full', 'early'))).toBe(false)
    expect(readdirSync(join(folder, 'results', 'full')).filter((name) => name.includes('early'))).toEqual([])
  })
})

// `script` gives the program a terminal; elsewhere than on Linux its options differ.
describe.skipIf(process.platform !== 'linux' || !has('script'))('on a terminal', () => {
  const inTerminal = (size: string, ...args: string[]) =>
    start(['-qec', `stty ${size}; exec ${[process.execPath, BINARY, ...args].join(' ')}`, '/dev/null'], {
      command: ['script'],
      env: { TERM: 'xterm' },
    })

  it('draws a bar for each owner, then the table, and gives the cursor back', async () => {
    const { code, out } = await inTerminal('rows 30 cols 100', 'run', experiment('tty'), '--run-id', 'a').ended
    expect(code).toBe(0)
    expect(out).toMatch(/owner 1 .*━+/)
    expect(out).toMatch(/owner 2 .*━+/)
    expect(out).toMatch(/images\/s/)
    expect(out).toContain('\x1b[?25l')
    expect(out.slice(out.lastIndexOf('\x1b[?25l'))).toContain('\x1b[?25h')
    expect(out).toMatch(/round {2}local 1 {2}local 2 +avg\r\n1 /)
    expect(out).toMatch(/round 3\/3 +\d+\.\d\d /)
  })

  it('gets JSON as it is, however long its lines are', async () => {
    const data = 'a folder of many words '.repeat(5)
    const { code, out } = await inTerminal('rows 30 cols 60', 'config', 'show', '--json', '--data', `'${data}'`).ended
    expect(code).toBe(0)
    expect(JSON.parse(out).settings.data.value).toBe(data)
  })

  it('without a size writes plain lines', async () => {
    const { code, out } = await inTerminal('rows 0 cols 0', 'run', experiment('tty'), '--run-id', 'b').ended
    expect(code).toBe(0)
    expect(out.match(/round \d\/3 +\d+\.\d\d /g)).toHaveLength(3)
    expect(out).not.toContain('━')
  })

  it('that is dumb has plain lines, and no escapes', async () => {
    const line = `stty rows 30 cols 80; TERM=dumb exec ${[process.execPath, BINARY, 'run', experiment('tty'), '--run-id', 'd'].join(' ')}`
    const { code, out } = await start(['-qec', line, '/dev/null'], { command: ['script'] }).ended
    expect(code).toBe(0)
    expect(out.match(/round \d\/3 +\d+\.\d\d /g)).toHaveLength(3)
    expect(out).not.toContain('\x1b')
    expect(out).not.toContain('━')
  })

  it.each([60, 80])('of %d columns has no line that is wider, but for commands and paths', async (cols) => {
    const run = inTerminal(
      `rows 60 cols ${cols}`,
      'run',
      experiment('tty'),
      '--run-id',
      `w${cols}`,
      '--merge',
      'avg,max',
    )
    const helps = [['run'], ['batch'], ['doctor'], ['config', 'show']].map(
      (command) => inTerminal(`rows 60 cols ${cols}`, ...command, '--help').ended,
    )
    const all = [await run.ended, ...(await Promise.all(helps))].map(({ out }) => out)
    const lines = all
      .join('')
      .replaceAll(ESCAPES, '')
      .split(/[\r\n]+/)
    const wide = lines.filter((line) => line.length > cols && !/^ *(fedunify )|\/|"/.test(line))
    expect(wide).toEqual([])
    expect(lines.length).toBeGreaterThan(200)
  })

  it('lists runs as wide as the terminal, or as they are if it has no size', async () => {
    const longest = async (cols: number) => {
      const { out } = await inTerminal(`rows 30 cols ${cols}`, 'ls', 'results/reference').ended
      return Math.max(...out.split('\r\n').map((line) => line.length))
    }
    expect(await longest(70)).toBeLessThanOrEqual(70)
    expect(await longest(0)).toBeGreaterThan(150)
  })

  it('ends with Ctrl-C, and gives the cursor back', async () => {
    const args = ['run', experiment('tty'), '--run-id', 'c', '--rounds', '100000']
    const running = inTerminal('rows 30 cols 100', ...args)
    await running.says(/round +2\/100000 +\d/)
    running.child.stdin!.write('\x03')
    const { code, out } = await running.ended
    expect(code).toBe(130)
    expect(out).toContain('interrupted')
    expect(out.slice(out.lastIndexOf('\x1b[?25l'))).toContain('\x1b[?25h')
  })
})
