import type { FileHandle } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { FlushAhead } from '../../src/offline/output/flush-ahead.ts'

const MIB = 2 ** 20

/** A file that says what it is asked, and ends a flush when it is told. */
function file(outcomes: readonly Promise<void>[] = []) {
  const asked: string[] = []
  const handle = {
    datasync: () => outcomes[asked.push('datasync') - 1] ?? Promise.resolve(),
    sync: async () => void asked.push('sync'),
  }
  return { asked, handle: handle as unknown as FileHandle }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('a file that is flushed ahead', () => {
  it('is flushed once 64 MiB are written, and whole at the end', async () => {
    const { asked, handle } = file()
    const flushing = new FlushAhead(handle)
    flushing.wrote(60 * MIB)
    expect(asked).toEqual([])
    flushing.wrote(4 * MIB)
    await settled()
    flushing.wrote(63 * MIB)
    await flushing.finish()
    expect(asked).toEqual(['datasync', 'sync'])
  })

  it('is flushed by one flush at a time', async () => {
    let end = () => {}
    const { asked, handle } = file([new Promise<void>((resolve) => (end = resolve))])
    const flushing = new FlushAhead(handle)
    for (let i = 0; i < 5; i++) flushing.wrote(64 * MIB)
    expect(asked).toEqual(['datasync'])
    end()
    await settled()
    flushing.wrote(1)
    await flushing.finish()
    expect(asked).toEqual(['datasync', 'datasync', 'sync'])
  })

  it('that could not be flushed on the way is an error at the end, though the last flush went well', async () => {
    const { asked, handle } = file([Promise.reject(Object.assign(new Error('EIO: fdatasync'), { code: 'EIO' }))])
    const flushing = new FlushAhead(handle)
    flushing.wrote(64 * MIB)
    await settled()
    await expect(flushing.finish()).rejects.toThrow('EIO')
    expect(asked).toEqual(['datasync'])
  })
})
