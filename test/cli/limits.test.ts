import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { BINARY, runBinary } from '../support/binary.ts'

const limits = !spawnSync('bash', ['-c', 'ulimit -v 4000000']).status

/** Runs the built binary under a limit of the shell's, `-v 4000000` for example. */
const limited = (limit: string, args: readonly string[]) =>
  runBinary([process.execPath, BINARY, ...args], { command: ['bash', '-c', `ulimit ${limit}; exec "$@"`, 'bash'] })

describe.skipIf(!limits)('a limited address space', () => {
  it.each([4_000_000, 10_000_000])('of %i kB is enough for what does not train', async (limit) => {
    for (const args of [['--version'], ['--help'], ['run', '--help'], ['init', '--help']]) {
      expect(await limited(`-v ${limit}`, args)).toMatchObject({ code: 0, err: '' })
    }
  })
})
