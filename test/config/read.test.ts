import { appendFileSync, createWriteStream, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadExperiment } from '../../src/config/load.ts'
import { readText } from '../../src/config/read.ts'
import { fedunify, readersOf } from '../support/command-line.ts'
import { makePipe, temporaryFolder } from '../support/folder.ts'

function write(text: string, name = 'exp.yaml'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, text)
  return file
}

/** `lr: 0.5` and a comment, of so many bytes. */
const sized = (bytes: number) => `lr: 0.5\n${'#'.repeat(bytes - 9)}\n`

describe('readText', () => {
  it('reads a file of the size that is allowed, and refuses one byte more', async () => {
    expect((await readText(write(sized(1000)), 1000)).length).toBe(1000)
    const file = write(sized(1001))
    await expect(readText(file, 1000)).rejects.toMatchObject({
      kind: 'usage',
      message: `${file}: has 1,001 bytes, an experiment has 1,000 at most`,
    })
  })

  it('refuses a huge file without reading it', async () => {
    const file = write('')
    truncateSync(file, 2 ** 40)
    await expect(readText(file, 1000)).rejects.toThrow(': has 1,099,511,627,776 bytes, ')
  })

  it('reads a pipe, and no more of an endless one than it takes to see that', async () => {
    const short = makePipe(join(temporaryFolder(), 'pipe'))
    createWriteStream(short).end('lr: 0.5\n')
    expect(await readText(short, 1000)).toBe('lr: 0.5\n')
    const long = makePipe(join(temporaryFolder(), 'pipe'))
    const writer = createWriteStream(long)
    writer.on('error', () => {}).write(Buffer.alloc(2 ** 20))
    await expect(readText(long, 1000)).rejects.toThrow(`${long}: has more than 1,000 bytes, an experiment has 1,000`)
    writer.destroy()
    await expect(readText('/dev/zero', 1000)).rejects.toThrow('/dev/zero: has more than 1,000 bytes')
    expect(await readText('/dev/null', 1000)).toBe('')
  })

  it('waits for a pipe that gives nothing until it is aborted', async () => {
    const file = makePipe(join(temporaryFolder(), 'pipe'))
    const controller = new AbortController()
    const writer = createWriteStream(file)
    writer.once('open', () => setTimeout(() => controller.abort(new Error('stopped')), 50))
    await expect(readText(file, 1000, controller.signal)).rejects.toThrow('stopped')
    writer.destroy()
  })
})

describe('the size of a file', () => {
  it('of an experiment or of expectations is limited', async () => {
    expect(await loadExperiment({ file: write(sized(100_000)) })).toMatchObject({ lr: 0.5 })
    const file = write(sized(100_001))
    for (const args of readersOf(file)) {
      const { code, err } = await fedunify(args)
      expect(code, args.join(' ')).toBe(2)
      expect(err).toContain(`error: ${file}: has 100,001 bytes, an experiment has 100,000 at most\nhint: `)
    }
  })

  it('that a run folder keeps of one may be larger', async () => {
    const run = temporaryFolder()
    mkdirSync(run, { recursive: true })
    writeFileSync(join(run, 'config.yaml'), sized(1_000_000))
    expect(await loadExperiment({ run })).toMatchObject({ lr: 0.5 })
    expect(await loadExperiment({ run, file: write('lr: 0.25\n') })).toMatchObject({ lr: 0.25 })
    appendFileSync(join(run, 'config.yaml'), '#')
    await expect(loadExperiment({ run })).rejects.toThrow('has 1,000,001 bytes, an experiment has 1,000,000 at most')
  })
})
