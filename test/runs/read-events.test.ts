import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { VERSION } from '../../src/package.ts'
import { readEvents } from '../../src/runs/read/read-events.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'

function run(): { dir: string; file: string; lines: string[] } {
  const dir = temporaryFolder()
  writeRun(dir, { config: { env: 'H', rounds: 3, baseline: 'pooled' } })
  const file = join(dir, 'events.jsonl')
  return { dir, file, lines: readFileSync(file, 'utf8').split('\n').slice(0, -1) }
}

describe('readEvents', () => {
  it('reads the finished rounds', async () => {
    const events = (await readEvents(run().dir))!
    expect(events.torn).toBe(false)
    expect(events.rounds.map(({ round }) => round)).toEqual([1, 2, 3])
    expect(events.rounds[0]!.locals.map(({ owner }) => owner)).toEqual([1, 2])
    expect(events.rounds[0]!.merges[0]!.unified!.confusion).toHaveLength(100)
    expect(events.rounds[0]!.baseline!.local!.images).toBe(400)
  })

  it('keeps what was evaluated last alone, and no round that does not count, if asked', async () => {
    const { dir, file, lines } = run()
    const all = (await readEvents(dir))!
    const last = (await readEvents(dir, { lastEvaluations: true }))!
    const rest = { locals: [], merges: [], baseline: {} }
    expect(last.rounds).toEqual([...all.rounds.slice(0, 2).map((one) => ({ ...one, ...rest })), all.rounds[2]])
    const two = (await readEvents(dir, { lastEvaluations: true, until: 2 }))!
    expect(two.rounds).toEqual([{ ...all.rounds[0], ...rest }, all.rounds[1]])
    // The second round was done again after the third.
    const second = lines.find((line) => line.includes('"round-finished","round":2'))!
    const unevaluated = { ...JSON.parse(lines.at(-1)!), round: 4, locals: [], merges: [], baseline: undefined }
    appendFileSync(file, `${second}\n${JSON.stringify(unevaluated)}\n`)
    const again = (await readEvents(dir, { lastEvaluations: true }))!
    expect(again.rounds.map(({ locals }) => locals.length)).toEqual([0, 0, 2, 0])
    expect(again.rounds[2]).toEqual(all.rounds[2])
  })

  it('reads format 1, in camelCase, as it reads its own', async () => {
    const { dir, file, lines } = run()
    const own = await readEvents(dir)
    const older = lines.map((line) => line.replaceAll('train_images', 'trainImages').replaceAll('loss_sum', 'lossSum'))
    writeFileSync(file, older.map((line) => `${line.replace('"format":2', '"format":1')}\n`).join(''))
    expect(readFileSync(file, 'utf8')).toMatch(/"format":1.*lossSum/s)
    expect(await readEvents(dir)).toEqual(own)
    const { lossSum, images } = own!.rounds[0]!.baseline!.local!
    expect(lossSum).toBeGreaterThan(0)
    expect(images).toBeGreaterThan(0)
  })

  it('reads the events of a published run of 0.3.0', async () => {
    const { rounds, torn } = (await readEvents('test/earlier/0.3.0/H'))!
    expect([rounds.length, torn]).toEqual([10, false])
    expect(rounds[0]!.locals[1]!.local).toMatchObject({ images: 5000, correct: 4787, lossSum: 599.9423289099775 })
  })

  it.each(['3', '"2"', 'null'])('refuses a newer format: %s', async (format) => {
    const { dir, file, lines } = run()
    writeFileSync(file, lines.map((line) => `${line.replace('"format":2', `"format":${format}`)}\n`).join(''))
    await expect(readEvents(dir)).rejects.toMatchObject({
      code: 'E_RUN_FORMAT',
      kind: 'data',
      message: `${file}:1: event format ${format} is newer than fedunify ${VERSION} can read (up to 2)`,
      hint: 'use a newer version of fedunify',
    })
  })

  it('leaves out a last line that a kill cut short, wherever it was cut', async () => {
    const { dir, file, lines } = run()
    const whole = `${lines.slice(0, -1).join('\n')}\n`
    const last = lines.at(-1)!
    for (const length of [1, 20, Math.floor(last.length / 2), last.length]) {
      writeFileSync(file, whole + last.slice(0, length))
      const { rounds, torn } = (await readEvents(dir))!
      expect([rounds.length, torn]).toEqual([2, true])
    }
  })

  it('takes a resumed run: several starts, and of a round that was done twice the last', async () => {
    const { dir, file, lines } = run()
    const again = JSON.parse(lines.at(-1)!)
    appendFileSync(file, `${lines[0]}\n${JSON.stringify({ ...again, lr: 0.5 })}\n`)
    const { rounds } = (await readEvents(dir))!
    expect(rounds.map(({ round }) => round)).toEqual([1, 2, 3])
    expect(rounds.at(-1)!.lr).toBe(0.5)
  })

  it('refuses other lines that are no events, naming the line', async () => {
    const { dir, file, lines } = run()
    for (const wrong of ['{"type":"round-fin', '[]', '{"type":"round-finished"}', '']) {
      writeFileSync(file, `${[lines[0], wrong, ...lines.slice(1)].join('\n')}\n`)
      await expect(readEvents(dir)).rejects.toMatchObject({
        kind: 'data',
        message: expect.stringContaining('events.jsonl:2'),
      })
    }
  })

  it('is undefined where there are none, and has no rounds where none was finished', async () => {
    const dir = temporaryFolder()
    expect(await readEvents(dir)).toBeUndefined()
    writeFileSync(join(dir, 'events.jsonl'), '')
    expect(await readEvents(dir)).toEqual({ rounds: [], torn: false })
  })
})
