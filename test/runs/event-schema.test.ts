import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { EventSchema, eventSchemaText } from '../../src/runs/event-schema.ts'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { eventsOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const file = experiment('described', { rounds: 2, merge: ['avg', 'max'], baseline: 'pooled' })
const SHIPPED = 'docs/events.schema.json'
/** zod turns the JSON Schema back into a check of its own. */
const published = z.fromJSONSchema(JSON.parse(readFileSync(SHIPPED, 'utf8')))

let told: { type: string }[] = []
beforeAll(async () => {
  const { code, out, err } = await runBinary(['run', file, '--run-id', 'a', '--json', '--quiet'])
  expect(code, err).toBe(0)
  told = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}, 60_000)

describe('the JSON Schema of events', () => {
  it('is what docs/events.schema.json holds, and what config schema events prints', async () => {
    const regenerate = `regenerate it: npm run build && node dist/bin.js config schema events > ${SHIPPED}`
    expect(readFileSync(SHIPPED, 'utf8') === eventSchemaText(), regenerate).toBe(true)
    expect((await fedunify(['config', 'schema', 'events'])).out).toBe(eventSchemaText())
  })

  it('describes every event and field of a real run, in its folder and on stdout', () => {
    const written = eventsOf(join(folder, 'results', 'described', 'a'))
    expect(new Set(written.map(({ type }) => type))).toEqual(
      new Set(['started', 'owner-trained', 'round-finished', 'finished']),
    )
    expect(told.some(({ type }) => type === 'owner-progress')).toBe(true)
    for (const event of [...written, ...told]) {
      // Strict: a field that is not described is an error here.
      expect(EventSchema.safeParse(event).error?.issues, JSON.stringify(event).slice(0, 200)).toBeUndefined()
      expect(published.safeParse(event).success).toBe(true)
    }
  })

  it('describes the event of a run that failed', async () => {
    const { out } = await fedunify(['run', '--data', join(folder, 'none'), '--json'])
    const failed = JSON.parse(out)
    expect(failed).toMatchObject({ type: 'failed', code: 'E_DATASET_MISSING', kind: 'data' })
    expect(EventSchema.parse(failed)).toEqual(failed)
    expect(published.safeParse(failed).success).toBe(true)
  })

  it('refuses what is none, and lets fields through that a later version may add', () => {
    const [started] = told
    expect(published.safeParse({ ...started, later: 1 }).success).toBe(true)
    expect(published.safeParse({ ...started, rounds: '2' }).success).toBe(false)
    expect(published.safeParse({ ...started, format: 1 }).success).toBe(false)
    expect(published.safeParse({ type: 'begun' }).success).toBe(false)
    expect(EventSchema.safeParse({ ...started, later: 1 }).success).toBe(false)
  })
})
