import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { messageOf } from '../errors.ts'
import { shellWord } from './shell-word.ts'

export interface GitState {
  readonly commit: string
  /** Whether files were changed or added since. */
  readonly dirty: boolean
}

/** A repository's own settings may name programs: with these, which outweigh them, git runs none. */
const NO_PROGRAMS: readonly string[] = ['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'core.pager=cat']

export interface GitAnswer {
  /** Of the repository around the current folder; null outside of one, or if git does not say. */
  readonly git: GitState | null
  /** The repository, if it belongs to another user: then git does not say. */
  readonly foreign?: string
}

/**
 * Asks git for the state of the repository around the current folder. Whoever wrote the repository's settings has
 * nothing executed by it, nor is another machine asked for what a partial clone lacks.
 */
export async function askGit(): Promise<GitAnswer> {
  try {
    return { git: await gitState() }
  } catch (error) {
    const foreign = /detected dubious ownership in repository at '(.*)'/.exec(messageOf(error))?.[1]
    return { git: null, ...(foreign !== undefined && { foreign }) }
  }
}

export const noCommitOf = (foreign: string): string =>
  `manifests name no commit: the repository ${foreign} belongs to another user`

export const trustCommand = (foreign: string): string =>
  `git config --global --add safe.directory ${shellWord(foreign)}`

/** @throws Error if git does not answer, as outside of a repository */
async function gitState(): Promise<GitState | null> {
  const filters = await filterKeys()
  // Settings are given as key=value, in UTF-8: filters with other names could not be switched off.
  if (filters.some((key) => /[=\ufffd]/.test(key))) return null
  // A filter's program would be given the content of files, before they are compared.
  const off = filters.map((key) => (key.endsWith('.required') ? `${key}=false` : `${key}=`))
  const told = await git(['status', '--porcelain=v2', '--branch', '--ignore-submodules=all'], off)
  const commit = /^# branch\.oid ([0-9a-f]+)$/m.exec(told)?.[1]
  return commit === undefined ? null : { commit, dirty: /^[^#]/m.test(told) }
}

/** All settings of filters, by name. */
async function filterKeys(): Promise<string[]> {
  try {
    return (await git(['config', '--null', '--name-only', '--get-regexp', '^filter\\.'])).split('\0').filter(Boolean)
  } catch (error) {
    // There are none.
    if ((error as { code?: unknown }).code === 1) return []
    throw error
  }
}

async function git(args: readonly string[], settings: readonly string[] = []): Promise<string> {
  const given = [...NO_PROGRAMS, ...settings].flatMap((setting) => ['-c', setting])
  // In English, of which `askGit` reads a line.
  const env = { ...process.env, LC_ALL: 'C', GIT_ALLOW_PROTOCOL: 'none', GIT_TERMINAL_PROMPT: '0' }
  const options = { timeout: 5000, maxBuffer: 2 ** 26, env }
  return (await promisify(execFile)('git', ['--no-optional-locks', ...given, ...args], options)).stdout
}
