import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runBinary } from '../support/binary.ts'
import { temporaryFolder } from '../support/folder.ts'

/** What our modules that a command line loads hold, by the files that Node says it has run. */
async function loadedBy(args: readonly string[]): Promise<string> {
  const dir = temporaryFolder()
  expect(await runBinary(args, { env: { NODE_V8_COVERAGE: dir } })).toMatchObject({ code: 0 })
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
