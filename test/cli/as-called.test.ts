import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isNpx, throughNpx } from '../../src/cli/as-called.ts'
import { start } from '../support/binary.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('npx', () => {
  it.each([
    [{ npm_lifecycle_event: 'npx', npm_lifecycle_script: "'fedunify'" }, true],
    [{ npm_lifecycle_event: 'npx', npm_lifecycle_script: 'fedunify "run"' }, true],
    [{ npm_command: 'exec', npm_lifecycle_script: '"fedunify"' }, true],
    [{ npm_lifecycle_event: 'npx', npm_lifecycle_script: 'vitest' }, false],
    [{ npm_lifecycle_event: 'npx', npm_lifecycle_script: 'fedunify-other' }, false],
    [{ npm_lifecycle_event: 'train', npm_command: 'run', npm_lifecycle_script: 'fedunify run' }, false],
    [{}, false],
  ])('is told by what npm says: %j', (env, expected) => {
    expect(isNpx(env)).toBe(expected)
  })

  it.each([
    ['Usage: fedunify [options] [command]', 'Usage: npx fedunify [options] [command]'],
    ['see fedunify run --help', 'see npx fedunify run --help'],
    ['see fedunify --help', 'see npx fedunify --help'],
    ['FEDUNIFY_OFFLINE=0 fedunify run', 'FEDUNIFY_OFFLINE=0 npx fedunify run'],
    ['fedunify run, then fedunify check a', 'npx fedunify run, then npx fedunify check a'],
    ['npx fedunify run', 'npx fedunify run'],
    ['this is a bug of fedunify: run it again', 'this is a bug of fedunify: run it again'],
    ['fedunify running-late', 'fedunify running-late'],
    ['/opt/fedunify run', '/opt/fedunify run'],
    [`  fedunify run\n${' '.repeat(30)}explained`, `  npx fedunify run\n${' '.repeat(34)}explained`],
    ['source <(fedunify run bash)', 'source <(fedunify run bash)'],
  ])('%s', (text, expected) => {
    expect(throughNpx(text, ['run', 'check'])).toBe(expected)
  })
})

describe('fedunify through npx', () => {
  const npx = (...args: string[]) => start(['exec', '--offline', '--', 'fedunify', ...args], { command: ['npm'] }).ended

  it('has commands that can be pasted in its help', async () => {
    const { out } = await npx('run', '--help')
    expect(out).toMatch(/^Usage: npx fedunify run \[options\] \[experiment\]/)
    expect(out).toContain('\n  npx fedunify run --dry-run --env H ')
    expect(out).toContain(`\n${' '.repeat(60)}avg goes back to the owners`)
    expect(out).not.toMatch(/(?<!npx )fedunify run /)
  })

  it('has them in hints, and where it says what may come next', async () => {
    expect((await npx('run', '--lrr', '1')).err).toMatch(/hint: (did you mean --lr\?|see npx fedunify run --help)\n/)
    const empty = temporaryFolder()
    expect((await npx('data', 'verify', empty)).err).toMatch(/npx fedunify data fetch /)
    const { out } = await npx('init', join(empty, 'a.yaml'))
    expect(out).toContain(`\n  npx fedunify run ${empty}/a.yaml --dry-run `)
  })

  it('leaves what a program reads and what is written as it is', async () => {
    const { out } = await npx('init', '-')
    expect(out).toContain('#   fedunify run - --dry-run ')
    expect(out).not.toContain('npx')
    const schema = JSON.parse((await npx('config', 'schema')).out)
    expect(schema).toMatchObject({ description: 'What `fedunify run` and `fedunify batch` read.' })
    const doctor = await npx('doctor', '--json', '--data', temporaryFolder())
    expect(JSON.stringify(JSON.parse(doctor.out))).toMatch(/"fedunify data fetch /)
    expect(doctor.err).toMatch(/hint: npx fedunify data fetch /)
  })
})
