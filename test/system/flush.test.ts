import { spawnSync } from 'node:child_process'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flush, tryFlush } from '../../src/system/flush.ts'
import { BINARY, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { rowsOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const hasStrace = !spawnSync('strace', ['-V']).error

const refusing = (code: string) =>
  ({ sync: () => Promise.reject(Object.assign(new Error(`${code}: fsync`), { code })) }) as unknown as FileHandle

describe('flushing a file', () => {
  it.each(['EINVAL', 'ENOTSUP', 'ENOSYS'])('is left to a file system that does not know it: %s', async (code) => {
    await expect(flush(refusing(code))).resolves.toBeUndefined()
  })

  it.each(['EIO', 'ENOSPC'])('that failed is an error: %s', async (code) => {
    await expect(flush(refusing(code))).rejects.toThrow(code)
  })

  it('can be tried in a folder', async () => {
    expect(await tryFlush(folder)).toBe(true)
    await expect(tryFlush(join(folder, 'nowhere'))).rejects.toThrow('ENOENT')
  })
})

// As folders are that a virtual machine shares, or FUSE.
describe.skipIf(!hasStrace)('on a file system that does not flush', () => {
  const inject = ['-f', '-qqq', '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EINVAL']
  const there = (args: string[]) =>
    runBinary([...inject, '-o', '/dev/null', process.execPath, BINARY, ...args], { command: ['strace'] })

  it('a batch of two runs is done, and says so once', async () => {
    const { code, err } = await there(['batch', experiment('unflushed', { seeds: 2, rounds: 2 }), '--no-report'])
    expect([code, err.match(/note: .*its file system flushes nothing to the disk/g)?.length]).toEqual([0, 1])
    expect(rowsOf(join(folder, 'results', 'unflushed'), 'summary.csv').length).toBeGreaterThan(0)
  })

  it('the doctor tries it', async () => {
    const { out } = await there(['doctor', '--data', join(folder, 'idx'), '--out', folder])
    expect(out).toMatch(/^results +warning +.*: writable; its file system flushes nothing to the disk: a power cut/m)
  })
})
