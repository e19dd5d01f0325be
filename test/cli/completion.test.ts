import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MERGE_NAMES } from '../../src/algorithm/merge/registry.ts'
import { SCRIPTS, SHELLS } from '../../src/completion/scripts.ts'
import { DATASETS } from '../../src/data/load-dataset.ts'
import { PARTITIONS } from '../../src/data/partition/registry.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

async function complete(...words: string[]): Promise<string[]> {
  const { code, out, err } = await fedunify(['__complete', '--', ...words])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0]!)
}

const OPTION = /^ +(?:-\w, )?(--[\w-]+)/gm
const COMMAND = /^ {2}([a-z]\w*)(?: |$)/gm
const inHelp = (help: string, pattern: RegExp) => [...help.matchAll(pattern)].map(([, name]) => name!)

describe('candidates', () => {
  it('are all commands that the help names, and their own', async () => {
    const help = (await fedunify(['--help'])).out
    const commands = inHelp(help.slice(help.indexOf('Commands:')), COMMAND)
    expect(commands.length).toBeGreaterThan(5)
    expect(await complete('')).toEqual(commands)
    expect(await complete('config', '')).toEqual(['show', 'schema', 'help'])
    expect(await complete('help', 'conf')).toEqual(['config'])
  })

  it.each(['run', 'batch', 'doctor', 'init'])('are all options of %s that the help names', async (name) => {
    const options = inHelp((await fedunify([name, '--help'])).out, OPTION)
    expect(options).toContain('--help')
    expect((await complete(name, '-')).sort()).toEqual(options.sort())
  })

  it.each([
    [
      ['run', '--env', ''],
      ['V', 'H', 'labels', 'dirichlet'],
    ],
    [['run', '--env=d'], ['--env=dirichlet']],
    [['run', '--merge', ''], MERGE_NAMES],
    [['run', '--merge', 'avg,ma'], ['avg,max']],
    [['merge', '--rule', 'absmax-'], ['absmax-literal']],
    [
      ['merge', '--dtype', ''],
      ['float32', 'float16', 'bfloat16'],
    ],
    [
      ['remerge', '--rules', 'a'],
      ['all', ...MERGE_NAMES.filter((name) => name.startsWith('a'))],
    ],
    [['remerge', '--rules', 'avg,ma'], MERGE_NAMES.flatMap((name) => (name.startsWith('ma') ? [`avg,${name}`] : []))],
    [['audit', '--attack', 'label-inference,m'], ['label-inference,membership-inference']],
    [['audit', '--as', 'u'], ['user']],
    [
      ['remerge', '--round', ''],
      ['last', 'all'],
    ],
    [
      ['run', '--merge', 'avg,max,a'],
      ['avg,max,absmax', 'avg,max,absmax-literal'],
    ],
    [
      ['run', '--model', 'cnn'],
      ['cnn', 'cnn-small', 'cnn-etf', 'cnn-small-etf'],
    ],
    [['config', 'show', '--optimizer', 'm'], ['momentum']],
    [['run', '--set', 'rou'], ['rounds=']],
    [
      ['run', '--set', 'env='],
      ['env=V', 'env=H', 'env=labels', 'env=dirichlet'],
    ],
    [['run', '--set', 'merge=avg,ma'], ['merge=avg,max']],
    [['run', '--set', 'env.d'], ['env.dirichlet.alpha=']],
    [['run', '--set', 'al'], ['alpha=']],
    [['run', '--alp'], ['--alpha']],
    [['run', '--dataset', ''], Object.keys(DATASETS)],
    [['completion', ''], SHELLS],
    [['run', '--rounds', ''], []],
    [['compare', 'results/x', 'pap'], ['paper']],
    [['show', 'lat'], ['latest']],
    [['ls', '--sort', '-uni'], ['-unified']],
    [['ls', '--where', 'al'], ['alpha=']],
    [
      ['ls', '--format', ''],
      ['terminal', 'markdown', 'csv', 'json'],
    ],
    [['ls', '--no-'], ['--no-group']],
    [
      ['nonsense', 'x', '--'],
      ['--version', '--help'],
    ],
  ])('%j', async (words, expected) => {
    expect(await complete(...words)).toEqual(expected)
  })

  it('say what each part is', async () => {
    const { out } = await fedunify(['__complete', '--', 'run', '--env', 'V'])
    expect(out).toBe(`V\t${PARTITIONS.V.summary}\n`)
  })

  it('offer an option once, those that may be repeated again', async () => {
    const offered = await complete('run', '--env', 'H', '--lr=1', '--set', 'rounds=1', '--')
    expect(offered).toContain('--set')
    expect(offered).toContain('--rounds')
    expect(offered).not.toContain('--env')
    expect(offered).not.toContain('--lr')
  })

  it('are experiment files and folders, and folders alone where one is asked for', async () => {
    const dir = temporaryFolder()
    mkdirSync(join(dir, 'more'))
    for (const name of ['a.yaml', 'b.yml', 'c.csv', '.hidden.yaml']) writeFileSync(join(dir, name), '')
    const paths = (...names: string[]) => names.map((name) => `${dir}/${name}`)
    expect(await complete('run', `${dir}/`)).toEqual(paths('a.yaml', 'b.yml', 'more/'))
    expect(await complete('batch', 'x.yaml', `${dir}/.h`)).toEqual(paths('.hidden.yaml'))
    expect(await complete('run', '--out', `${dir}/`)).toEqual(paths('more/'))
    expect(await complete('run', '/nowhere/')).toEqual([])
  })
})

/** A PATH on which `fedunify` is the built command, and a folder to be in. */
function shellSetting() {
  const bin = temporaryFolder()
  const cwd = temporaryFolder()
  for (const name of ['my exp.yaml', 'other.yaml']) writeFileSync(join(cwd, name), '')
  writeFileSync(join(bin, 'fedunify'), `#!/bin/sh\nexec "${process.execPath}" "${resolve('dist/bin.js')}" "$@"\n`)
  chmodSync(join(bin, 'fedunify'), 0o755)
  mkdirSync(join(cwd, 'node_modules', '.bin'), { recursive: true })
  symlinkSync(join(bin, 'fedunify'), join(cwd, 'node_modules', '.bin', 'fedunify'))
  mkdirSync(join(cwd, 'inner'))
  return { cwd, env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }, encoding: 'utf8' as const }
}

const inShell = (shell: string, ...args: string[]) => spawnSync(shell, args, shellSetting())
const installed = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

describe('scripts', () => {
  it('are printed, and an unknown shell is refused by name', async () => {
    for (const shell of SHELLS) expect((await fedunify(['completion', shell])).out).toBe(SCRIPTS[shell])
    expect(await fedunify(['completion', 'fisch'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean fish?'),
    })
  })

  it.skipIf(!installed('bash'))('bash completes, also what it splits at =', () => {
    // As bash itself fills COMP_WORDS; `--env=` is two words of it, `--env=d` three.
    const cases: [words: string[], replies: string[]][] = [
      [['conf'], ['config']],
      [
        ['run', '--optimizer', ''],
        ['sgd', 'momentum', 'adam'],
      ],
      [['run', '--env', '=', 'd'], ['dirichlet']],
      [
        ['run', '--init', '='],
        ['shared', 'independent'],
      ],
      [['run', 'my\\ e'], ['my exp.yaml']],
      [['run', '"my e'], ['my exp.yaml']],
    ]
    const quoted = (word: string) => `'${word}'`
    const calls = cases.map(([words]) => {
      const all = ['fedunify', ...words].map(quoted).join(' ')
      return `COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _fedunify fedunify; (IFS='|'; echo "\${COMPREPLY[*]}")`
    })
    const npx = [
      `cd inner; COMP_WORDS=(npx fedunify run --init =); COMP_CWORD=4; _fedunify_npx npx; echo "\${COMPREPLY[*]}"`,
      `COMPREPLY=(); COMP_WORDS=(npx vite bu); COMP_CWORD=2; _fedunify_npx npx; echo "none: \${COMPREPLY[*]}"`,
      'complete -p npx',
    ]
    const script = ['source <(fedunify completion bash)', ...calls, ...npx].join('\n')
    const { stdout, stderr } = inShell('bash', '--norc', '-c', script)
    expect(stderr).toBe('')
    expect(stdout.trimEnd().split('\n')).toEqual([
      ...cases.map(([, replies]) => replies.join('|')),
      'shared independent',
      'none: ',
      'complete -o default -F _fedunify_npx npx',
    ])
  })

  it.skipIf(!installed('fish'))('fish completes', () => {
    const script =
      "fedunify completion fish | source; complete -C 'fedunify run --init '; complete -C 'fedunify doc'; cd inner; complete -C 'npx fedunify doc'"
    const { stdout } = inShell('fish', '--no-config', '-c', script)
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      'shared',
      'independent',
      'doctor',
      'doctor',
      '',
    ])
  })

  it.skipIf(!installed('zsh'))('zsh completes what is typed', { timeout: 40_000 }, () => {
    const type = (text: string, answer: string) => `zpty -w -n z $'${text}'; zpty -r z line '*${answer}*'`
    const script = [
      'zmodload zsh/zpty',
      `zpty z 'PS1="P> " zsh -f -i'`,
      type('autoload -Uz compinit; compinit -u -D; source <(fedunify completion zsh); echo rea""dy\\n', 'ready'),
      type('fedunify conf\\t', 'conf*ig'),
      type('\\C-ufedunify run --env=d\\t', '--env=d*irichlet'),
      type('\\C-ufedunify run oth\\t', 'oth*er.yaml'),
      type('\\C-unpx fedunify conf\\t', 'conf*ig'),
      type('\\C-ucd inner; npx fedunify run --env=d\\t', '--env=d*irichlet'),
      'zpty -d z; print done',
    ].join('\n')
    const { stdout } = spawnSync('zsh', ['-f', '-c', script], { ...shellSetting(), timeout: 30_000 })
    expect(stdout).toBe('done\n')
  })

  it.skipIf(!installed('zsh'))('zsh reads its script', () => {
    const { status, stderr } = spawnSync('zsh', ['-f', '-n'], { input: SCRIPTS.zsh, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
