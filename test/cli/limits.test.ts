import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BINARY, runBinary } from '../support/binary.ts'
import { startServer } from '../support/mirror.ts'

const limits = !spawnSync('bash', ['-c', 'ulimit -v 4000000']).status

/** Runs node under a limit of the shell's, `-v 4000000` for example. */
const limitedNode = (limit: string, args: readonly string[]) =>
  runBinary([process.execPath, ...args], { command: ['bash', '-c', `ulimit ${limit}; exec "$@"`, 'bash'] })
const limited = (limit: string, args: readonly string[]) => limitedNode(limit, [BINARY, ...args])

describe.skipIf(!limits)('a limited address space', () => {
  it.each([4_000_000, 10_000_000])('of %i kB is enough for what does not train', async (limit) => {
    for (const args of [['--version'], ['--help'], ['run', '--help'], ['init', '--help']]) {
      expect(await limited(`-v ${limit}`, args)).toMatchObject({ code: 0, err: '' })
    }
  })

  it('is enough to download', async () => {
    const url = await startServer((_, response) => response.end(readFileSync(BINARY)))
    const download = new URL('../../build/data/download.js', import.meta.url)
    const program = `const { download } = await import('${download}')
      console.log((await download('${url}', { stallMs: 5000, expected: 100000 })).length)`
    const { code, out, err } = await limitedNode('-v 4000000', ['--input-type=module', '-e', program])
    expect({ code, out, err }).toEqual({ code: 0, out: `${readFileSync(BINARY).length}\n`, err: '' })
  })
})
