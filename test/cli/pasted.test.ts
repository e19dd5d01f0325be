import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { expectNote } from '../../src/batch/run-batch.ts'
import { expandFile } from '../../src/config/expand.ts'
import { experimentTemplate } from '../../src/config/template.ts'
import { nextCommands } from '../../src/report/terminal/ending.ts'
import { readManifest } from '../../src/runs/manifest.ts'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { FolderLock } from '../../src/runs/write/lock.ts'
import { shellWord } from '../../src/system/shell-word.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { rejection } from '../support/learner.ts'
import { edit, writeRun } from '../support/written-run.ts'

/** A folder whose name no shell takes as it is. */
function odd(): string {
  const folder = join(temporaryFolder(), "Anna's results (1)")
  mkdirSync(folder)
  return folder
}

/** The words of the first command of fedunify in a text, as a shell gives them. */
function pasted(text: string): string[] {
  const [command] = /fedunify (run|batch|check|compare|report|data|config) [^\n]*?(?= {3}|;|\n|$)/.exec(text) ?? [
    'none',
  ]
  const script = `fedunify() { printf '%s\\n' "$@"; }\n${command}`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n')
}

const MISSED = [{ metric: 'unified', min: 0.99 }]

describe('a command that names a path can be pasted', () => {
  it.each(['plain/a.yaml', 'two words', "it's", '$(touch x)', 'a;b', '-'])('as a word of a shell: %s', (word) => {
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word)
  })

  it('of init, and in the file that it writes', async () => {
    const file = join(odd(), 'a b.yaml')
    const { out } = await fedunify(['init', file])
    expect(pasted(out.split('\n')[1]!)).toEqual(['run', file, '--dry-run'])
    const [, , , run, , ...rest] = readFileSync(file, 'utf8').split('\n')
    expect(pasted(run!)).toEqual(['run', file, '--dry-run'])
    expect(pasted(rest.find((line) => line.includes('fedunify batch'))!)).toEqual(['batch', file])
  })

  it('of a template, whose name does not get out of its comment', () => {
    expect(parse(experimentTemplate('a\nlr: 7', 'schema.json'))).toMatchObject({ lr: 0.1 })
  })

  it('of config show', async () => {
    const file = join(odd(), 'study.yaml')
    writeFileSync(file, 'seeds: 2\n')
    expect(pasted((await fedunify(['config', 'show', file])).out)).toEqual(['batch', file])
  })

  it('of check: a run that has not finished, one that missed, and a file without an experiment', async () => {
    const folder = odd()
    const unfinished = writeRun(join(folder, 'a'), { status: 'interrupted', rounds: 9, expect: MISSED })
    expect(pasted((await fedunify(['check', unfinished])).out)).toEqual(['run', '--resume', unfinished])
    const missed = writeRun(join(folder, 'b'), { expect: MISSED })
    expect(pasted((await fedunify(['check', missed])).out)).toEqual(['compare', 'BEFORE', missed])
    const gate = join(folder, 'gate.yaml')
    writeFileSync(gate, JSON.stringify({ expect: MISSED }))
    expect(pasted((await fedunify(['check', gate])).err)).toEqual(['check', gate, 'results/NAME'])
    writeFileSync(gate, JSON.stringify({ expect: [{ metric: 'unified', 'max-drop-from': 'ref.csv', points: 1 }] }))
    const updated = await fedunify(['check', unfinished, '--expect', gate, '--update'])
    expect(pasted(updated.err)).toEqual(['run', '--resume', unfinished])
  })

  it('of a run of owners elsewhere: the server goes on with it', async () => {
    const served = writeRun(join(odd(), 'a'), { status: 'interrupted', rounds: 9, expect: MISSED })
    edit(join(served, 'manifest.json'), '"source": "data"', '"source": "the owners"')
    const command = `fedunify serve --federation FOLDER --resume ${shellWord(served)}`
    expect((await fedunify(['check', served])).out).toContain(`finish it: ${command}\n`)
    expect((await fedunify(['show', served])).out).toContain(`\n  ${command}\n`)
    const stopped = writeRun(join(odd(), 'b'), { rounds: 9, reason: 'stop-after' })
    edit(join(stopped, 'manifest.json'), '"source": "data"', '"source": "the owners"')
    const lines = nextCommands(await loadRun(stopped), undefined)
    expect(lines).toContain(`fedunify serve --federation FOLDER --resume ${shellWord(stopped)}`)
  })

  it('of batch, where expectations changed', async () => {
    const folder = odd()
    const file = join(folder, 'study.yaml')
    writeFileSync(file, JSON.stringify({ expect: MISSED }))
    const [run] = await expandFile(file)
    const manifest = await readManifest(writeRun(join(folder, 'a'), {}))
    expect(pasted(expectNote({ ...run!, file, path: folder, state: 'finished' }, manifest)!)).toEqual(['check', file])
  })

  it('of a lock that was taken away', async () => {
    const folder = odd()
    const lock = await FolderLock.take(folder)
    rmSync(join(folder, '.lock'))
    const error = (await rejection(lock.assertHeld())) as { hint: string }
    expect(pasted(error.hint)).toEqual(['run', '--resume', folder])
    await lock.release()
  })
})
