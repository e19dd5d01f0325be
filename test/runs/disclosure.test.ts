import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadExperiment } from '../../src/config/load.ts'
import { DisclosureCount, fieldsOf } from '../../src/federation/disclosure.ts'
import { execute, executeToEnd } from '../../src/run/execute.ts'
import { inThisProcess } from '../../src/run/participants.ts'
import { prepareRun } from '../../src/run/prepare.ts'
import { workshop } from '../support/experiment.ts'

const { experiment, folder } = workshop()
const TINY = { model: [{ type: 'flatten' }, { type: 'dense', units: 4 }], rounds: 3 }

describe('the fields of a message', () => {
  it('are those that say something', () => {
    const evaluation = { images: 0, confusion: [0, 0], kept: [0, 1] }
    expect(fieldsOf({ a: 1, none: null, of: { ...evaluation, inner: null } })).toEqual(['a', 'of.images', 'of.kept'])
    expect(fieldsOf({ dataset: { name: 'x', sha256: { file: 'ab' } } })).toEqual(['dataset.name', 'dataset.sha256'])
  })

  it('are counted by owner and kind', () => {
    const count = new DisclosureCount([{ owner: 2 }, { owner: 1 }])
    count.message(1, 'evaluation', { round: 0 })
    count.message(1, 'evaluation', { round: 0, more: 'ä' })
    count.note(2, 'weights', ['weights'], 100)
    expect(count.take()).toEqual([
      { owner: 2, kind: 'weights', messages: 1, fields: ['weights'], bytes: 100 },
      { owner: 1, kind: 'evaluation', messages: 2, fields: ['round', 'more'], bytes: 11 + 23 },
    ])
    expect(count.take()).toEqual([])
  })
})

describe('disclosure.jsonl', () => {
  /** All but the bytes of updates, whose seconds have other digits in another run, and when it was begun. */
  const linesOf = (path: string) =>
    readFileSync(join(path, 'disclosure.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const { run, bytes, ...rest } = JSON.parse(line)
        return rest.kind === 'update' ? rest : { ...rest, bytes }
      })
  const prepared = async (name: string) =>
    inThisProcess(await prepareRun(await loadExperiment({ file: experiment(name, TINY), set: [], flags: {} })))

  it('is cut to the checkpoint when a run goes on, and ends as without a break', async () => {
    const run = await prepared('broken')
    const path = (id: string) => join(folder, 'results', 'broken', id)
    await executeToEnd(run, { path: path('whole') })
    for await (const event of execute(run, { path: path('again') })) {
      if (event.type === 'round-finished' && event.round === 2) break
    }
    appendFileSync(join(path('again'), 'disclosure.jsonl'), '{"run":"broken/of a round that was under way')
    await executeToEnd(run, { path: path('again'), resume: true })
    const [again, whole] = [linesOf(path('again')), linesOf(path('whole'))]
    // A server that goes on has forgotten how good the model is that it begins with: it asks for that again.
    const received = (lines: typeof again, round: number) =>
      lines.some((line) => line.round === round && line.fields.includes('metrics.received.correct'))
    expect([1, 2, 3].map((round) => received(again, round))).toEqual([true, false, true])
    expect([1, 2, 3].map((round) => received(whole, round))).toEqual([true, false, false])
    const others = (lines: typeof again) => lines.filter(({ kind }) => kind !== 'update')
    expect(others(again)).toEqual(others(whole))
    expect(again.map(({ round }) => round)).toEqual([0, 0, ...[1, 2, 3].flatMap((n) => Array(8).fill(n))])
    const manifest = JSON.parse(readFileSync(join(path('again'), 'manifest.json'), 'utf8'))
    expect(Object.keys(manifest.files)).toContain('disclosure.jsonl')
  })

  it('is held against its hash, as the other files are', async () => {
    const path = join(folder, 'results', 'broken', 'whole')
    const { loadRun } = await import('../../src/runs/read/load-run.ts')
    await loadRun(path)
    appendFileSync(join(path, 'disclosure.jsonl'), '{}\n')
    await expect(loadRun(path)).rejects.toMatchObject({
      message: `${join(path, 'disclosure.jsonl')}: it is longer than the run left it`,
    })
  })
})
