import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { freePort } from '../../src/demo/local-broker.ts'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'

/** What our modules that a command line loads hold, by the files that Node says it has run. */
async function loadedBy(args: readonly string[], expected = 0): Promise<string> {
  const dir = temporaryFolder()
  expect(await runBinary(args, { env: { NODE_V8_COVERAGE: dir } })).toMatchObject({ code: expected })
  const urls = readdirSync(dir).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(dir, name), 'utf8')) as { result: { url: string }[] }
    return result.map(({ url }) => url).filter((url) => url.includes('/dist/'))
  })
  return urls.map((url) => readFileSync(new URL(url), 'utf8')).join('\n')
}

it.each([[['--help']], [['serve', '--help']], [['join', '--help']], [['federation', '--help']]])(
  'what talks to a broker is not loaded by %j',
  async (args) => {
    const text = await loadedBy(args)
    expect([text.includes('Exit codes: 0 done'), text.includes('nkeyAuthenticator')]).toEqual([true, false])
  },
)

const { experiment } = workshop()

it.each([[['run', '--dry-run', experiment('dry')]], [['batch', '--help']]])(
  'what draws a report is not loaded before there is one, by %j',
  async (args) => {
    const text = await loadedBy(args)
    expect([text.includes('Exit codes: 0 done'), text.includes('Accuracy by round')]).toEqual([true, false])
  },
)

it('what talks to a broker is loaded by a command that does', async () => {
  const dir = join(temporaryFolder(), 'fed')
  const port = String(await freePort())
  const init = await runBinary(['federation', 'init', dir, '--owners', 'alice', '--port', port])
  expect(init).toMatchObject({ code: 0 })
  const text = await loadedBy(['federation', 'check', '--federation', join(dir, 'owners', 'alice'), '--shard'], 2)
  expect(text.includes('nkeyAuthenticator')).toBe(true)
})
