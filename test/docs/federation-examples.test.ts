import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { fedunify } from '../support/command-line.ts'

const read = (name: string) => readFileSync(`examples/federation/${name}`, 'utf8')

/** The command lines of the examples, without the program. */
const LINES: [string, string[]][] = [
  ...[...read('fedunify-join.service').matchAll(/^Exec\w+=\S+ fedunify (.*)$/gm)].map(([, line]) => line!.split(' ')),
  ...Object.entries(
    parse(read('compose.yaml'), { merge: true }).services as Record<string, { command: string[] }>,
  ).flatMap(([name, { command }]) => (name === 'broker' ? [] : [command])),
].map((args) => [args.join(' '), args])

it('has them', () => expect(LINES).toHaveLength(5))

it.each(LINES)('what a service would run has options that there are: %s', async (_, args) => {
  const words = args.slice(
    0,
    args.findIndex((word) => word.startsWith('-')),
  )
  const { code, out } = await fedunify([...words, '--help'])
  expect(code).toBe(0)
  for (const option of args.filter((word) => word.startsWith('--')))
    expect(out).toMatch(new RegExp(`^ +${option} `, 'm'))
})

it.skipIf(spawnSync('systemd-analyze', ['--version']).error)('the unit is one for systemd', () => {
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', 'examples/federation/fedunify-join.service'], {
    encoding: 'utf8',
  })
  expect(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('fedunify-join'))).toEqual([])
})
