import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  existsSync,
  readdirSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { checkGit } from '../../src/doctor/machine.ts'
import { askGit } from '../../src/system/git.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A repository with one file, in which this process stands; `git` works in it. */
function repository(): { dir: string; git(...args: string[]): string } {
  const dir = temporaryFolder()
  const before = process.cwd()
  onTestFinished(() => process.chdir(before))
  const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.com']
  const git = (...args: string[]) => execFileSync('git', [...identity, ...args], { cwd: dir, encoding: 'utf8' })
  git('init', '-q')
  writeFileSync(join(dir, 'a.bin'), 'one')
  git('add', '.')
  git('commit', '-qm', 'one')
  process.chdir(dir)
  return { dir, git }
}

/** Makes git look into a file again, as after a copy of the repository. */
const touch = (dir: string) => utimesSync(join(dir, 'a.bin'), 1e9, 1e9)

test('commit and dirtiness', async () => {
  const { dir, git } = repository()
  const commit = git('rev-parse', 'HEAD').trim()
  expect((await askGit()).git).toEqual({ commit, dirty: false })
  touch(dir)
  expect((await askGit()).git).toEqual({ commit, dirty: false })
  writeFileSync(join(dir, 'a.bin'), 'two')
  expect((await askGit()).git).toEqual({ commit, dirty: true })
  git('checkout', '-q', 'a.bin')
  writeFileSync(join(dir, 'new'), '')
  expect((await askGit()).git).toEqual({ commit, dirty: true })
})

test('outside of a repository there is none', async () => {
  const { dir } = repository()
  rmSync(join(dir, '.git'), { recursive: true })
  expect(await askGit()).toEqual({ git: null })
})

describe('a repository of another user', () => {
  const name = 'GIT_TEST_ASSUME_DIFFERENT_OWNER'

  test('is named, and git is asked no further', async () => {
    const { dir } = repository()
    vi.stubEnv(name, '1')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await askGit()).toEqual({ git: null, foreign: realpathSync(dir) })
    expect(await checkGit()).toEqual({
      subject: 'git',
      status: 'warning',
      detail: expect.stringMatching(/^\d.*; manifests name no commit: the repository \/.* belongs to another user$/),
      fix: `git config --global --add safe.directory ${realpathSync(dir)}`,
    })
  })

  test.skipIf(process.getuid?.() !== 0)('is seen as git sees it', async () => {
    const { dir } = repository()
    for (const place of [dir, join(dir, '.git')]) chownSync(place, 12_345, 12_345)
    expect(await askGit()).toEqual({ git: null, foreign: realpathSync(dir) })
  })
})

// Each names a program that makes a file, in one of the ways in which a repository's settings can.
test.each<[string, (git: (...args: string[]) => string, program: string, dir: string) => void]>([
  ['core.fsmonitor', (git, program) => git('config', 'core.fsmonitor', `${program}; false`)],
  ['a clean filter', (git, program) => git('config', 'filter.evil.clean', `${program}; cat`)],
  ['a filter process', (git, program) => git('config', 'filter.evil.process', program)],
  [
    'a required filter',
    (git, program) => {
      git('config', 'filter.evil.clean', `${program}; cat`)
      git('config', 'filter.evil.required', 'true')
    },
  ],
  [
    'a hook',
    (git, program, dir) => {
      git('config', 'core.hooksPath', dir)
      writeFileSync(join(dir, 'post-index-change'), `#!/bin/sh\n${program}\n`, { mode: 0o755 })
    },
  ],
  [
    'the transport of a partial clone',
    (git, program, dir) => {
      git('config', 'extensions.partialClone', 'origin')
      git('config', 'remote.origin.url', `ext::sh -c ${program.replace(' ', '% ')}`)
      git('config', 'remote.origin.promisor', 'true')
      git('config', 'protocol.ext.allow', 'always')
      const tree = git('rev-parse', 'HEAD^{tree}').trim()
      rmSync(join(dir, '.git', 'objects', tree.slice(0, 2), tree.slice(2)))
    },
  ],
  ['a filter that cannot be switched off', (git, program) => git('config', 'filter.evil=x.clean', `${program}; cat`)],
  [
    'a filter whose name is no UTF-8',
    (_, program, dir) => {
      const name = Buffer.from([0xe9])
      const section = Buffer.concat([Buffer.from('[filter "'), name, Buffer.from(`"]\n\tclean = "${program}; cat"\n`)])
      appendFileSync(join(dir, '.git', 'config'), section)
      writeFileSync(join(dir, '.gitattributes'), Buffer.concat([Buffer.from('*.bin filter='), name, Buffer.from('\n')]))
    },
  ],
])('no program of a repository is run: %s', async (name, prepare) => {
  const { dir, git } = repository()
  const owned = join(temporaryFolder(), 'owned')
  writeFileSync(join(dir, '.gitattributes'), `*.bin filter=${name.includes('cannot') ? 'evil=x' : 'evil'}\n`)
  prepare(git, `touch ${owned}`, dir)
  touch(dir)
  await askGit()
  expect(existsSync(owned)).toBe(false)
  // It would have been, by a git that is asked in the ordinary way.
  try {
    git('status')
  } catch {}
  if (name !== 'a hook') expect(existsSync(owned)).toBe(true)
  expect(readdirSync(dir)).toContain('a.bin')
})
