import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { BINARY, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as inventRun } from '../support/invented-run.ts'
import { NO_HASHES } from '../support/run-folder.ts'
import { writeRun } from '../support/written-run.ts'

const { folder } = workshop()
const run = join(folder, 'run')
/** With events, as a report needs them. */
const told = join(folder, 'told')
const gate = join(folder, 'gate.yaml')
const isRoot = process.getuid?.() === 0
const check = (output: string, cwd = folder) =>
  runBinary(['check', run, '--expect', gate, '--reporter', 'json', '--output', output], { cwd })
const isReport = (text: string) => expect(JSON.parse(text)).toMatchObject({ met: 2, missed: 0, errors: 0 })

beforeAll(() => {
  writeRun(run)
  inventRun(told)
  writeFileSync(gate, '- { metric: participants, each-round: 2 }\n')
})

describe('a file that is named as output', () => {
  it('is made, with the folders that it needs', async () => {
    const file = join(temporaryFolder(), 'new', 'dir', 'check.json')
    expect(await check(file)).toMatchObject({ code: 0, out: '', err: '' })
    isReport(readFileSync(file, 'utf8'))
    expect(readdirSync(join(file, '..'))).toEqual(['check.json'])
  })

  it('keeps its mode', async () => {
    const file = join(temporaryFolder(), 'check.json')
    for (const mode of [0o600, 0o640, 0o666]) {
      writeFileSync(file, 'old')
      chmodSync(file, mode)
      expect(await check(file)).toMatchObject({ code: 0 })
      isReport(readFileSync(file, 'utf8'))
      expect(statSync(file).mode & 0o777).toBe(mode)
    }
  })

  it.runIf(isRoot)('keeps its owner', async () => {
    const file = join(temporaryFolder(), 'check.json')
    writeFileSync(file, 'old')
    execFileSync('chown', ['12345:23456', file])
    expect(await check(file)).toMatchObject({ code: 0 })
    expect(statSync(file)).toMatchObject({ uid: 12345, gid: 23456 })
  })

  it('is found through links, which stay', async () => {
    const dir = temporaryFolder()
    mkdirSync(join(dir, 'far'))
    const [target, link, chain] = [join(dir, 'far', 'target'), join(dir, 'link'), join(dir, 'chain')]
    writeFileSync(target, 'old')
    symlinkSync(join('far', 'target'), link)
    symlinkSync('link', chain)
    expect(await check(chain)).toMatchObject({ code: 0 })
    isReport(readFileSync(target, 'utf8'))
    expect([readlinkSync(link), readlinkSync(chain)]).toEqual([join('far', 'target'), 'link'])
    expect(readdirSync(join(dir, 'far'))).toEqual(['target'])
  })

  it('is made where a link leads to nothing', async () => {
    const dir = temporaryFolder()
    symlinkSync('later', join(dir, 'link'))
    expect(await check(join(dir, 'link'))).toMatchObject({ code: 0 })
    isReport(readFileSync(join(dir, 'later'), 'utf8'))
    expect(lstatSync(join(dir, 'link')).isSymbolicLink()).toBe(true)
  })

  it('stays one file under all its names', async () => {
    const dir = temporaryFolder()
    writeFileSync(join(dir, 'one'), 'old, and a good deal longer than what will be written into it'.repeat(50))
    linkSync(join(dir, 'one'), join(dir, 'other'))
    expect(await check(join(dir, 'one'))).toMatchObject({ code: 0 })
    isReport(readFileSync(join(dir, 'other'), 'utf8'))
  })

  it('is written into where its folder takes no other', async () => {
    const dir = temporaryFolder()
    const file = join(dir, 'check.json')
    writeFileSync(file, 'old')
    chmodSync(file, 0o666)
    chmodSync(dir, 0o555)
    const nobody = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : ['env']
    const args = [process.execPath, BINARY, 'check', run, '--expect', gate, '--reporter', 'json', '--output', file]
    chmodSync(folder, 0o755)
    const ended = await runBinary(args, { command: nobody as [string, ...string[]], env: { HOME: '/nonexistent' } })
    chmodSync(dir, 0o755)
    expect(ended).toMatchObject({ code: 0, err: '' })
    isReport(readFileSync(file, 'utf8'))
  })
})

describe('what is named as output and is no plain file is written into', () => {
  it('a pipe', async () => {
    const pipe = join(temporaryFolder(), 'pipe')
    execFileSync('mkfifo', [pipe])
    const reader = runBinary([pipe], { command: ['cat'] })
    expect(await check(pipe)).toMatchObject({ code: 0 })
    isReport((await reader).out)
    expect(lstatSync(pipe).isFIFO()).toBe(true)
  })

  it.runIf(isRoot && spawnSync('mknod', ['--version']).status === 0)('a device', async () => {
    const device = join(temporaryFolder(), 'null')
    if (spawnSync('mknod', [device, 'c', '1', '3']).status !== 0) return
    expect(await check(device)).toMatchObject({ code: 0 })
    expect(lstatSync(device).isCharacterDevice()).toBe(true)
    for (const args of [
      ['report', told, '--out', device],
      ['init', device, '--force'],
    ]) {
      expect(await runBinary(args)).toMatchObject({ code: 0 })
      expect(lstatSync(device).isCharacterDevice()).toBe(true)
    }
  })

  it('- is stdout', async () => {
    const cwd = temporaryFolder()
    isReport((await check('-', cwd)).out)
    const page = await runBinary(['report', told, '--out', '-'], { cwd })
    expect(page.out).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/i)
    expect((await runBinary(['init', '-'], { cwd })).out).toMatch(/^# yaml-language-server/)
    expect(readdirSync(cwd)).toEqual([])
  })

  it.skipIf(process.platform !== 'linux')('/dev/stdout goes on behind what is there', async () => {
    const file = join(temporaryFolder(), 'log')
    const line = `echo before > ${file}; exec "$@" >> ${file}`
    const command = ['bash', '-c', line, 'bash', process.execPath, BINARY] as const
    const args = ['check', run, '--expect', gate, '--reporter', 'json', '--output', '/dev/stdout']
    expect(await runBinary(args, { command })).toMatchObject({ code: 0 })
    const [first, ...rest] = readFileSync(file, 'utf8').split('\n')
    expect(first).toBe('before')
    isReport(rest.join('\n'))
  })
})

describe.skipIf(process.platform !== 'linux')('an output that is stdout by another name', () => {
  const inShell = (line: string, ...args: string[]) =>
    runBinary([process.execPath, BINARY, ...args], { command: ['bash', '-c', line, 'bash'] })
  const gateArgs = ['check', run, '--expect', gate, '--reporter', 'json', '--output']

  it.each(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', 'LINK', 'FILE'])('%s: nothing is lost', async (name) => {
    const dir = temporaryFolder()
    const [log, link] = [join(dir, 'log'), join(dir, 'link')]
    symlinkSync('/dev/stdout', link)
    const output = { LINK: link, FILE: log }[name] ?? name
    const line = `{ echo before; "$@"; echo after; } > ${log}`
    expect(await inShell(line, ...gateArgs, output)).toMatchObject({ code: 0 })
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
    expect([lines[0], lines.at(-1)]).toEqual(['before', 'after'])
    isReport(lines.slice(1, -1).join('\n'))
  })

  it('a page, or a new experiment, has no line of ours in it', async () => {
    const file = join(temporaryFolder(), 'out')
    await inShell(`"$@" > ${file}`, 'report', told, '--out', '/dev/stdout')
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/i)
    await inShell(`"$@" > ${file}`, 'init', '--force', '/dev/stdout')
    expect(readFileSync(file, 'utf8')).toMatch(/^# yaml-language-server/)
  })
})

describe('an output that cannot be written', () => {
  it('is told of, and what it would have held is not lost', async () => {
    const file = join(run, 'manifest.json', 'below')
    const { code, out, err } = await check(file)
    expect(code).toBe(2)
    isReport(out)
    expect(err).toMatch(/^error: cannot write .*below: ENOTDIR: not a directory\nhint: .* --output, or - for stdout\n$/)
  })

  it('leaves a page of before as it was', async () => {
    const file = join(temporaryFolder(), 'page.html')
    writeFileSync(file, 'the page of before')
    const command = ['bash', '-c', `trap '' XFSZ; ulimit -f 1; exec "$@"`, 'bash', process.execPath, BINARY] as const
    const { code, err } = await runBinary(['report', told, '--out', file], { command })
    expect([code, err.replace(NO_HASHES, '')]).toEqual([3, expect.stringMatching(/^error: .*no space left/)])
    expect(readFileSync(file, 'utf8')).toBe('the page of before')
    expect(existsSync(join(file, '..', 'page.html'))).toBe(true)
    expect(readdirSync(join(file, '..'))).toEqual(['page.html'])
  })

  it('a page that was not named goes into the run folder, not through a link in it', async () => {
    const dir = join(temporaryFolder(), 'run')
    inventRun(dir)
    const victim = join(dir, '..', 'victim')
    writeFileSync(victim, 'precious')
    symlinkSync(victim, join(dir, 'report.html'))
    expect(await runBinary(['report', dir])).toMatchObject({ code: 0 })
    expect(readFileSync(victim, 'utf8')).toBe('precious')
    expect(lstatSync(join(dir, 'report.html')).isFile()).toBe(true)
  })
})
