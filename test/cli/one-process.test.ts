import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BINARY, type Running, runBinary, start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, tornFiles } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const file = experiment('held', { rounds: 300, merge: ['avg', 'max'] })
const folderOf = (id: string) => join(folder, 'results', 'held', id)

/** In a space of process numbers of its own, as a container is; its host name is the same. */
const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc'] as const
const contained = (args: readonly string[]): Running =>
  start(args, { command: [...CONTAINER, process.execPath, BINARY] })
const canContain = process.platform === 'linux' && spawnSync(CONTAINER[0], [...CONTAINER.slice(1), 'true']).status === 0

/** The process within the container, by its number out here. */
function inner({ child: { pid } }: Running): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}

// Both are number 1 of one host name, and neither sees the other.
describe.skipIf(!canContain)('two containers that share a host name and a disk', () => {
  it('do not write into one run folder, and who slept and wakes stops', async () => {
    const first = contained(['run', file, '--run-id', 'a', '--json'])
    await first.says('"round":5,"lr"')
    const second = await contained(['run', '--resume', folderOf('a'), '--quiet']).ended
    expect(second).toMatchObject({ code: 2, out: '' })
    expect(second.err).toMatch(/^error: .*: process 1 on \S+ is at work in this run folder\nhint: .*\.lock\n$/)

    const pid = inner(first)
    process.kill(pid, 'SIGSTOP')
    const third = contained(['run', '--resume', folderOf('a'), '--json'])
    await third.says(/"round":\d+,"lr"/)
    process.kill(pid, 'SIGCONT')
    const [slept, went] = await Promise.all([first.ended, third.ended])
    expect(slept).toMatchObject({ code: 2, err: expect.stringMatching(/error: .* another process took over this run/) })
    expect(went).toMatchObject({ code: 0, err: expect.stringContaining('waiting up to 12 s') })
    expect(tornFiles(folderOf('a'))).toEqual([])
    expect(manifestOf(folderOf('a'))).toMatchObject({ status: 'finished', rounds: 300 })

    await runBinary(['run', file, '--run-id', 'whole', '--quiet'])
    for (const name of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']) {
      expect(readFileSync(join(folderOf('a'), name)).equals(readFileSync(join(folderOf('whole'), name))), name).toBe(
        true,
      )
    }
  }, 90_000)
})
