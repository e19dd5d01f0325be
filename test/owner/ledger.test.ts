import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { contentOf, LEDGER_NAME, openLedger } from '../../src/owner/ledger.ts'
import { LEDGER_FORMAT, type LedgerNote, readLedger } from '../../src/owner/ledger-lines.ts'
import { VERSION } from '../../src/package.ts'
import { makePipe, temporaryFolder } from '../support/folder.ts'

const note = (given: Partial<LedgerNote> = {}): LedgerNote => ({
  run: 'V-avg/1',
  round: 1,
  attempt: 1,
  direction: 'out',
  kind: 'update',
  ...contentOf('weights'),
  ...given,
})

const ledgerFile = () => join(temporaryFolder(), LEDGER_NAME)

/** A ledger with these notes, opened once for each list of them. */
async function written(...processes: LedgerNote[][]): Promise<string> {
  const file = ledgerFile()
  for (const notes of processes) {
    const ledger = await openLedger(file)
    for (const one of notes) await ledger.note(one)
    await ledger.close()
  }
  return file
}

describe('a ledger', () => {
  it('has a line for each note; the first of a process says what wrote it', async () => {
    const file = await written([note(), note({ round: 2 })], [note({ round: 3 })])
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ format, fedunify, round }) => [format, fedunify, round])).toEqual([
      [LEDGER_FORMAT, VERSION, 1],
      [undefined, undefined, 2],
      [LEDGER_FORMAT, VERSION, 3],
    ])
    expect(Object.keys(lines[1])).toEqual([
      ...['time', 'run', 'round', 'attempt', 'direction', 'kind', 'bytes', 'sha256'],
    ])
    expect(new Date(lines[1].time).toISOString()).toBe(lines[1].time)
  })

  it('has fields that docs/formats.md names, and the number that stands there', async () => {
    const docs = readFileSync('docs/formats.md', 'utf8')
    const [first] = readFileSync(await written([note()]), 'utf8').split('\n')
    for (const field of Object.keys(JSON.parse(first!))) expect(docs, field).toContain(`\`${field}\``)
    expect(docs).toContain(`| [\`ledger.jsonl\`](#ledgerjsonl) | ${LEDGER_FORMAT} |`)
  })

  it('is read with totals by run, direction and kind', async () => {
    const card = { kind: 'card', round: undefined, attempt: undefined, bytes: 5 } as const
    const file = await written([note(card), note({ bytes: 10 }), note({ bytes: 20, round: 2 }), note({ run: 'b' })])
    const { entries, totals, torn } = (await readLedger(file))!
    expect(entries).toHaveLength(4)
    expect(entries[0]).not.toHaveProperty('round')
    expect(torn).toBe(0)
    expect(totals).toEqual([
      { run: 'V-avg/1', direction: 'out', kind: 'card', entries: 1, bytes: 5 },
      { run: 'V-avg/1', direction: 'out', kind: 'update', entries: 2, bytes: 30 },
      { run: 'b', direction: 'out', kind: 'update', entries: 1, bytes: 7 },
    ])
  })

  it('is none where there is no file, and empty where nothing was noted', async () => {
    expect(await readLedger(ledgerFile())).toBeUndefined()
    expect(await readLedger(await written([]))).toEqual({ entries: [], totals: [], torn: 0 })
  })

  it('has notes whole and in order, however many are made at once, by two processes too', async () => {
    const file = ledgerFile()
    const ledgers = await Promise.all([openLedger(file), openLedger(file)])
    await Promise.all(Array.from({ length: 100 }, (_, i) => ledgers[i % 2]!.note(note({ run: `r${i % 2}`, round: i }))))
    await Promise.all(ledgers.map((ledger) => ledger.close()))
    const { entries, torn } = (await readLedger(file))!
    expect(torn).toBe(0)
    for (const side of [0, 1]) {
      const rounds = entries.filter(({ run }) => run === `r${side}`).map(({ round }) => round!)
      expect(rounds).toEqual(Array.from({ length: 50 }, (_, i) => 2 * i + side))
    }
  })

  it('says of a content how large it is, and its SHA-256', () => {
    const sha256 = createHash('sha256').update('grün').digest('hex')
    expect(contentOf('grün')).toEqual({ bytes: 5, sha256 })
    expect(contentOf('gr', Buffer.from('ün'))).toEqual({ bytes: 5, sha256 })
  })

  it('does not write what could not be read', async () => {
    const ledger = await openLedger(ledgerFile())
    await expect(ledger.note(note({ bytes: Number.NaN }))).rejects.toThrow()
    await expect(ledger.note(note({ sha256: 'abc' }))).rejects.toThrow()
    await ledger.note(note())
    await ledger.close()
    expect((await readLedger(ledger.file))!.entries).toHaveLength(1)
  })
})

describe('a ledger that was cut', () => {
  it('at any byte keeps every whole line, and goes on', async () => {
    const whole = readFileSync(await written([note({ run: 'grün' }), note({ round: 2 })]))
    const lengths = [...whole.keys()].filter((i) => whole[i] === 10)
    const file = ledgerFile()
    for (let cut = 0; cut <= whole.length; cut++) {
      writeFileSync(file, whole.subarray(0, cut))
      // A line that lacks nothing but its line feed is whole.
      const kept = lengths.filter((end) => end <= cut).length
      const torn = cut === 0 || lengths.some((end) => end === cut || end + 1 === cut) ? 0 : 1
      const before = (await readLedger(file))!
      expect([cut, before.entries.length, before.torn]).toEqual([cut, kept, torn])

      const ledger = await openLedger(file)
      await ledger.note(note({ round: 9 }))
      await ledger.close()
      const after = (await readLedger(file))!
      expect([cut, after.entries.length, after.torn]).toEqual([cut, kept + 1, torn])
      expect(after.entries.at(-1)).toMatchObject({ round: 9 })
      expect(readFileSync(file).subarray(0, cut)).toEqual(whole.subarray(0, cut))
    }
    // Every note waits for the disk.
  }, 120_000)

  it('by another process while it is in use loses no note', async () => {
    const file = await written([note()])
    const ledger = await openLedger(file)
    await ledger.note(note({ round: 2 }))
    appendFileSync(file, '{"time":"2026-0')
    await ledger.note(note({ round: 3 }))
    await ledger.close()
    const { entries, torn } = (await readLedger(file))!
    expect(entries.map(({ round }) => round)).toEqual([1, 2, 3])
    expect(torn).toBe(1)
  })

  it('by a power cut may end in zeros', async () => {
    const file = await written([note()])
    appendFileSync(file, `{"time":"2026${'\0'.repeat(50)}`)
    await expect(readLedger(file)).resolves.toMatchObject({ torn: 1, entries: [{ round: 1 }] })
    appendFileSync(file, `\n${'\0'.repeat(50)}`)
    await expect(readLedger(file)).resolves.toMatchObject({ torn: 2 })
  })
})

describe('what is no ledger', () => {
  it.each([
    ['text', 'hello\n', 1],
    ['another JSON', '[1]\n', 1],
    ['events of a run', '{"type":"started","format":2}\n', 1],
    ['an edited one', `${JSON.stringify({ time: '2026-01-01T00:00:00.000Z', ...note() })}\n{"time":"now"}\n`, 2],
  ])('is refused and left as it is: %s', async (_, text, line) => {
    const file = ledgerFile()
    writeFileSync(file, text)
    const refused = { code: 'E_LEDGER', kind: 'data', message: `${file}:${line}: not a line of a ledger` }
    await expect(readLedger(file)).rejects.toMatchObject(refused)
    await expect(openLedger(file)).rejects.toMatchObject(refused)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('is not followed or waited for: a link, a pipe, a folder', async () => {
    const folder = temporaryFolder()
    const target = join(folder, 'other')
    const [link, pipe, dir] = ['link', 'pipe', 'dir'].map((name) => join(folder, name)) as [string, string, string]
    symlinkSync(target, link)
    makePipe(pipe)
    mkdirSync(dir)
    for (const [file, what] of [
      [link, `a link to ${target}`],
      [pipe, 'not a plain file'],
      [dir, 'not a plain file'],
    ]) {
      await expect(openLedger(file!)).rejects.toMatchObject({
        code: 'E_FILE_UNWRITABLE',
        message: `${file} is ${what}: a ledger is a file of its own`,
      })
    }
  })

  it('is not begun where there is no folder', async () => {
    const file = join(temporaryFolder(), 'absent', 'ledger.jsonl')
    await expect(openLedger(file)).rejects.toMatchObject({
      code: 'E_FILE_UNWRITABLE',
      message: expect.stringContaining(`cannot write ${file}: ENOENT`),
    })
  })
})

it('a ledger of a newer format is refused, with its line', async () => {
  const file = await written([note()])
  appendFileSync(file, '{"format":2,"fedunify":"9.0.0","future":true}\n')
  const refused = {
    code: 'E_LEDGER_FORMAT',
    message: `${file}:2: ledger format 2 is newer than fedunify ${VERSION} can read (up to 1)`,
  }
  await expect(readLedger(file)).rejects.toMatchObject(refused)
  await expect(openLedger(file)).rejects.toMatchObject(refused)
})

it('kinds and fields that come later can be read', async () => {
  const file = await written([note()])
  const line = { time: '2027-01-01T00:00:00.000Z', ...note(), kind: 'key', server: 'a' }
  appendFileSync(file, `${JSON.stringify(line)}\n`)
  expect((await readLedger(file))!.totals.map(({ kind }) => kind)).toEqual(['update', 'key'])
})

it('a ledger that was moved away takes no note, so that nothing is sent', async () => {
  const file = ledgerFile()
  const ledger = await openLedger(file)
  await ledger.note(note())
  renameSync(file, `${file}.old`)
  const moved = { code: 'E_LEDGER', message: expect.stringContaining('was moved, removed or replaced') }
  await expect(ledger.note(note({ round: 2 }))).rejects.toMatchObject(moved)
  writeFileSync(file, '')
  await expect(ledger.note(note({ round: 2 }))).rejects.toMatchObject(moved)
  await ledger.close()
  expect((await readLedger(`${file}.old`))!.entries).toHaveLength(1)
  expect(readFileSync(file, 'utf8')).toBe('')
})
