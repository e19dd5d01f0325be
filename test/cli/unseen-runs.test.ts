import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BINARY, type Ended, runBinary } from '../support/binary.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'
import { NO_HASHES } from '../support/run-folder.ts'
import { edit } from '../support/written-run.ts'

/** A study with one run, which meets the gate; and a run elsewhere that does not. */
function study() {
  const root = temporaryFolder()
  chmodSync(root, 0o755)
  const [dir, elsewhere, gate] = [join(root, 'study'), join(root, 'elsewhere'), join(root, 'gate.yaml')]
  writeRun(join(dir, 'good'), { config: { rounds: 2 } })
  writeRun(join(elsewhere, 'bad'), { config: { rounds: 5, seed: 1 }, done: 3, status: 'interrupted' })
  writeFileSync(gate, '- { metric: participants, each-round: 2 }\n')
  return {
    root,
    dir,
    bad: join(elsewhere, 'bad'),
    gate,
    check: (named: string) => runBinary(['check', named, '--expect', gate]),
  }
}

/** As a user who may read what everybody may read, also where the tests run as root. */
const asNobody = (args: readonly string[]): Promise<Ended> =>
  process.getuid?.() === 0
    ? runBinary([process.execPath, BINARY, ...args], {
        command: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
        env: { HOME: '/nonexistent' },
      })
    : runBinary(args)

describe('a gate sees every run, or fails', () => {
  it.each<[string, (s: ReturnType<typeof study>) => void]>([
    ['a link to a run', ({ dir, bad }) => symlinkSync(bad, join(dir, 'bad'))],
    ['a link to a folder of runs', ({ dir, bad }) => symlinkSync(join(bad, '..'), join(dir, 'more'))],
    [
      'a chain of links',
      ({ root, dir, bad }) => {
        symlinkSync(bad, join(root, 'one'))
        symlinkSync(join(root, 'one'), join(dir, 'two'))
      },
    ],
    [
      'a run deep below',
      ({ dir, bad }) => {
        mkdirSync(join(dir, 'a', 'b', 'c', 'd'), { recursive: true })
        renameSync(bad, join(dir, 'a', 'b', 'c', 'd', 'run'))
      },
    ],
    ['a run in a run folder', ({ dir, bad }) => renameSync(bad, join(dir, 'good', 'inner'))],
    ['a run called node_modules', ({ dir, bad }) => renameSync(bad, join(dir, 'node_modules'))],
    ['a hidden run', ({ dir, bad }) => renameSync(bad, join(dir, '.old'))],
  ])('%s', async (_, change) => {
    const s = study()
    expect((await s.check(s.dir)).code).toBe(0)
    change(s)
    const named = _ === 'a hidden run' ? [s.dir] : [s.dir, `${s.dir}/*`]
    for (const name of named) {
      const { code, out } = await s.check(name)
      expect(code).toBe(1)
      expect(out).toContain('interrupted after 3 of 5 rounds')
    }
    for (const args of [
      ['compare', s.dir, s.dir],
      ['report', s.dir, '--out', '/dev/null'],
    ]) {
      const { code, err } = await runBinary(args)
      expect([code, err.replace(NO_HASHES, '')]).toEqual([0, ''])
    }
  })

  it('counts a run once, by its own name, whatever links lead to it', async () => {
    const s = study()
    symlinkSync('good', join(s.dir, 'a-link'))
    symlinkSync('..', join(s.dir, 'good-folder'))
    symlinkSync('.', join(s.dir, 'loop'))
    rmSync(join(s.bad, '..'), { recursive: true })
    const { code, out } = await s.check(s.dir)
    expect([code, out]).toEqual([0, expect.stringContaining(`${join(s.dir, 'good')}\n`)])
    expect(out).toContain('2 expectations of 1 run: 2 met')
  })

  it.each<[string, string, (s: ReturnType<typeof study>) => void]>([
    ['a link that leads nowhere', 'a link that leads nowhere', ({ dir }) => symlinkSync('/nowhere', join(dir, 'lost'))],
    ['a link to itself', 'ELOOP', ({ dir }) => symlinkSync('self', join(dir, 'self'))],
    [
      'a closed folder',
      'EACCES',
      ({ dir, bad }) => {
        mkdirSync(join(dir, 'closed'))
        cpSync(bad, join(dir, 'closed', 'bad'), { recursive: true })
        chmodSync(join(dir, 'closed'), 0)
      },
    ],
    [
      'a closed run',
      'EACCES',
      ({ dir, bad }) => {
        cpSync(bad, join(dir, 'bad'), { recursive: true })
        chmodSync(join(dir, 'bad'), 0)
      },
    ],
    [
      'a closed manifest',
      'EACCES',
      ({ dir, bad }) => {
        cpSync(bad, join(dir, 'bad'), { recursive: true })
        chmodSync(join(dir, 'bad', 'manifest.json'), 0)
      },
    ],
    [
      'a run that lost its manifest',
      'no such file',
      ({ dir, bad }) => {
        cpSync(bad, join(dir, 'bad'), { recursive: true })
        renameSync(join(dir, 'bad', 'manifest.json'), join(dir, 'bad', 'x'))
      },
    ],
  ])('%s is named, and no other is left out for it', async (_, why, change) => {
    const s = study()
    change(s)
    const plain = [s.dir, `${s.dir}/*`]
    for (const named of plain) {
      const { code, out, err } = await asNobody(['check', named, '--expect', s.gate])
      expect([named, code]).toEqual([named, 3])
      expect(out).toContain(why)
      expect(out).toContain(join(s.dir, 'good'))
      expect(err.trimEnd().split('\n')).toHaveLength(1)
      for (const args of [
        ['report', named, '--out', '/dev/null'],
        ['compare', named, named],
      ]) {
        const other = await asNobody(args)
        expect([args[0], other.code]).toEqual([args[0], 3])
        expect(other.err).toMatch(/^error: .*\n(hint: .*\n)?$/)
      }
    }
    for (const file of ['closed', 'bad']) {
      try {
        chmodSync(join(s.dir, file), 0o755)
      } catch {}
    }
  })

  it.each([
    ['4', 'run folder format 4'],
    ['"2.1"', 'run folder format "2.1"'],
  ])('a run folder of a newer format is not taken for an old one: %s', async (format, said) => {
    const s = study()
    edit(join(s.dir, 'good', 'manifest.json'), '"format": 2', `"format": ${format}`)
    const { code, out } = await s.check(s.dir)
    expect(code).toBe(3)
    expect(out).toContain(said)
    expect(out).toContain('use a newer version of fedunify')
    const calls = [
      ['report', s.dir, '--out', '/dev/null'],
      ['compare', s.dir, s.dir],
      ['run', '--resume', join(s.dir, 'good')],
    ]
    for (const args of calls)
      expect(await runBinary(args)).toMatchObject({ code: 3, err: expect.stringContaining(said) })
  })

  it('a glob of manifests does not pass over a run that lost its own', async () => {
    const s = study()
    cpSync(s.bad, join(s.dir, 'bad'), { recursive: true })
    renameSync(join(s.dir, 'bad', 'manifest.json'), join(s.dir, 'bad', 'x'))
    const { code, out } = await s.check(`${s.dir}/*/manifest.json`)
    expect([code, out]).toEqual([3, expect.stringContaining(join(s.dir, 'bad', 'manifest.json'))])
  })

  it('.. behind a link is where the link leads', async () => {
    const s = study()
    mkdirSync(join(s.root, 'other', 'sub'), { recursive: true })
    cpSync(join(s.bad, '..'), join(s.root, 'other', 'study'), { recursive: true })
    symlinkSync(join('other', 'sub'), join(s.root, 'link'))
    for (const named of ['link/../study', 'link/../study/', 'link/../study/bad', 'link/../study/*']) {
      const { code, out } = await runBinary(['check', named, '--expect', s.gate], { cwd: s.root })
      expect([named, code]).toEqual([named, 1])
      expect(out).toContain('interrupted after 3 of 5 rounds')
    }
    expect(await runBinary(['check', 'other/../study', '--expect', s.gate], { cwd: s.root })).toMatchObject({ code: 0 })
  })

  it('a reference is verified as its run is, whatever leads to it', async () => {
    const s = study()
    const ref = join(s.root, 'ref')
    writeRun(ref, { config: { rounds: 2 } })
    const csv = join(ref, 'unified.csv')
    const whole = readFileSync(csv, 'utf8')
    symlinkSync(csv, join(s.root, 'base.csv'))
    const gate = join(s.root, 'drop.yaml')
    const checkAgainst = async (named: string) => {
      writeFileSync(gate, `- { metric: unified, merge: avg, max-drop-from: ${named}, points: 99 }\n`)
      return (await runBinary(['check', join(s.dir, 'good'), '--expect', gate], { cwd: s.root })).code
    }
    for (const named of ['ref', 'ref/unified.csv', 'base.csv'])
      expect([named, await checkAgainst(named)]).toEqual([named, 0])
    writeFileSync(csv, whole.trimEnd().split('\n').slice(0, -1).join('\n'))
    for (const named of ['ref', 'ref/unified.csv', 'base.csv'])
      expect([named, await checkAgainst(named)]).toEqual([named, 3])
    renameSync(join(ref, 'manifest.json'), join(s.root, 'manifest.json'))
    for (const named of ['ref', 'ref/unified.csv', 'base.csv'])
      expect([named, await checkAgainst(named)]).toEqual([named, 3])
  })

  it.each<[string, (dir: string) => void]>([
    ['a manifest of gigabytes', (dir) => truncateSync(join(dir, 'manifest.json'), 3e9)],
    ['a manifest of some hundred MB', (dir) => truncateSync(join(dir, 'manifest.json'), 6e8)],
    ['a table of gigabytes', (dir) => truncateSync(join(dir, 'unified.csv'), 3e9)],
    [
      'a manifest without end',
      (dir) =>
        edit(join(dir, 'manifest.json'), '"config": {', `"config": { "x": ${'['.repeat(20_000)}${']'.repeat(20_000)},`),
    ],
    ['seconds that are none', (dir) => edit(join(dir, 'manifest.json'), /"evaluate": [^,]*,/, '')],
  ])('%s is one line, and soon', async (_, damage) => {
    const s = study()
    damage(join(s.dir, 'good'))
    const began = performance.now()
    for (const args of [
      ['check', s.dir, '--expect', s.gate],
      ['report', s.dir, '--out', '/dev/null'],
      ['compare', s.dir, s.dir],
    ]) {
      const { code, err } = await runBinary(args)
      expect([args[0], code]).toEqual([args[0], 3])
      expect(err).toMatch(/^error: .*\n(hint: .*\n)?$/)
    }
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  it('a folder beyond measure is refused, not searched for ever', async () => {
    const { code, err, out } = await runBinary(['check', '/', '--expect', study().gate])
    expect(code).toBe(3)
    expect(out + err).toMatch(/more than 20000 folders|cannot be read/)
  })
})
