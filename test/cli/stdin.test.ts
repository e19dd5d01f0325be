import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BINARY, start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'

const { folder, experiment } = workshop()

/** Runs the binary with these words, and `text` on its standard input. */
async function feed(text: string, args: readonly string[], cwd = folder) {
  const { child, ended } = start(args, { cwd })
  // Of what is too much it does not read the end.
  child.stdin!.on('error', () => {}).end(text)
  return await ended
}

/** The same by a shell, which writes it into a pipe that is named. */
async function substitute(text: string, args: string) {
  const cwd = temporaryFolder()
  writeFileSync(join(cwd, 'exp.yaml'), text)
  const command = `'${process.execPath}' '${BINARY}' ${args.replace('FILE', '<(cat exp.yaml)')}`
  return await start([command], { cwd, command: ['bash', '-c'] }).ended
}

describe('- is standard input', () => {
  it('for config show, of one run or of a batch', async () => {
    const one = await feed('seed: 1\nlr: 0.5\n', ['config', 'show', '-'])
    expect(one).toMatchObject({ code: 0, err: '' })
    expect(one.out).toMatch(/^ {2}lr +0\.5 +stdin:2$/m)
    expect(one.out).toMatch(/^ {2}name +V-avg +derived$/m)
    const batch = await feed('seeds: 2\n', ['config', 'show', '-'])
    expect(batch).toMatchObject({ code: 0, err: '' })
    expect(batch.out).toContain('stdin is a batch of 2 runs: fedunify batch -')
  })

  it('for a run that was told to stop and goes on', async () => {
    const file = experiment('stopped', { rounds: 2, name: 'stopped' })
    const text = readFileSync(file, 'utf8')
    const stop = await feed(text, ['run', '-', '--quiet', '--run-id', 'one', '--stop-after', '1'])
    expect([stop.code, stop.err]).toEqual([0, ''])
    const on = await feed(text, ['run', '-', '--quiet', '--resume', join(folder, 'results', 'stopped', 'one')])
    expect([on.code, on.err]).toEqual([0, ''])
    expect(on.out).toContain('all 2 rounds are done')
  })

  it('for run, batch and check --expect', async () => {
    const file = experiment('fed', { rounds: 1, name: 'fed' })
    const text = readFileSync(file, 'utf8')
    const run = await feed(text, ['run', '-', '--quiet', '--run-id', 'one'])
    expect(run).toMatchObject({ code: 0, err: '' })
    const batch = await feed(`${text}\nseeds: 2\n`, ['batch', '-', '--dry-run'])
    expect(batch.code, batch.err).toBe(0)
    expect(batch.out).toContain('s1-')
    const expected = '- { metric: unified, min: 0 }\n'
    const check = await feed(expected, ['check', join(folder, 'results', 'fed', 'one'), '--expect', '-'])
    expect(check.code, check.out + check.err).toBe(0)
  })

  it.each([
    ['seed: 1\n\nlrr: 3\n', ['config', 'show', '-'], 'error: stdin:3: unknown key "lrr"'],
    ['lr: [\n', ['run', '-'], 'error: stdin:'],
    ['seeds: 0\n', ['batch', '-'], 'error: stdin:1: seeds: expected'],
    ['seeds: 2\n', ['run', '-'], 'error: stdin: makes 2 runs: choose one'],
    ['a: 1\n', ['check', '.', '--expect', '-'], 'error: stdin: holds no expectations'],
    ['- { metric: unfied }\n', ['check', '.', '--expect', '-'], 'error: stdin:1: expect.0.metric: expected'],
    ['', ['run', '-'], 'error: stdin: nothing was written to it'],
    ['#'.repeat(300_000), ['run', '-'], 'error: stdin: has more than 100,000 bytes, an experiment has 100,000 at most'],
  ])('is named by errors: %.20j', async (text, args, message) => {
    const { code, out, err } = await feed(text, args)
    expect(err).toContain(message)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })

  it('is waited for until Ctrl-C', async () => {
    const { child, ended } = start(['run', '-'])
    child.stdin!.write('lr: 0.5\n')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, out: '', err: expect.stringContaining('error: interrupted') })
  })
})

describe('a pipe that is named', () => {
  it('is read once', async () => {
    const one = await substitute('seed: 1\nlr: 0.5\n', 'config show FILE')
    expect(one).toMatchObject({ code: 0, err: '' })
    expect(one.out).toMatch(/^ {2}lr +0\.5 +\/dev\/fd\/\d+:2$/m)
    const batch = await substitute('seeds: 2\n', 'config show FILE')
    expect(batch).toMatchObject({ code: 0, err: '' })
    expect(batch.out).toContain('is a batch of 2 runs')
  })

  it('that gives nothing is waited for until Ctrl-C', async () => {
    const command = `exec '${process.execPath}' '${BINARY}' config show <(exec sleep 20 2>/dev/null)`
    const { child, ended } = start([command], { command: ['bash', '-c'] })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, err: expect.stringContaining('error: interrupted') })
  })
})

it('the help says so', async () => {
  for (const command of [['run'], ['batch'], ['config', 'show'], ['check']]) {
    expect((await start([...command, '--help']).ended).out.replace(/\s+/g, ' ')).toContain('- is standard input')
  }
})
