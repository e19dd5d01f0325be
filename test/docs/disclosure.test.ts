import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { LiveSchema, ReplySchema } from '../../src/federation/nats/wire.ts'
import { EventSchema } from '../../src/runs/event-schema.ts'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, readText } from '../support/run-folder.ts'

const PAGE = readFileSync('docs/disclosure.md', 'utf8')

/** The fields that the first column of a part's table names. */
function listed(heading: RegExp): string[] {
  const part = PAGE.split(/^(?=##)/m).find((text) => heading.test(text))
  if (part === undefined) throw new Error(`docs/disclosure.md has no part ${heading}`)
  return fieldsIn(part)
}

const fieldsIn = (part: string): string[] =>
  part
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...line.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))

/** The names of a schema's fields, those of inner ones behind those of outer ones. */
function names(schema: z.ZodType, within = ''): string[] {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return names(schema.unwrap() as z.ZodType, within)
  if (!(schema instanceof z.ZodObject)) return [within]
  const inner = Object.entries(schema.shape as Record<string, z.ZodType>)
  return inner.flatMap(([key, one]) => names(one, within === '' ? key : `${within}.${key}`))
}

const reply = (what: string) => {
  const found = ReplySchema.options.find((option) => (option.shape.what as z.ZodLiteral).value === what)
  return names(found!)
}
const ENVELOPE = listed(/^### Around all/)
/** A message's own fields. */
const own = (what: string) => reply(what).filter((name) => !ENVELOPE.includes(name))
const sorted = (list: readonly string[]) => [...list].sort()

describe('docs/disclosure.md', () => {
  it('knows every message that an owner may send', () => {
    const whats = ReplySchema.options.map((option) => (option.shape.what as z.ZodLiteral).value)
    expect(sorted((whats as string[]).filter((what) => !what.startsWith('mask-')))).toEqual(['card', 'evaluation', 'failed', 'refused', 'statistics', 'update']) // biome-ignore format: one line
    for (const what of whats) expect(sorted(reply(String(what)))).toEqual(expect.arrayContaining(sorted(ENVELOPE)))
  })

  it.each(['card', 'evaluation'])('lists every field of %s, and no other', (what) => {
    expect(sorted(listed(new RegExp(`^### ${what}`)))).toEqual(sorted(own(what)))
  })

  it('lists every field of update, and the tensors of its file', () => {
    expect(sorted(listed(/^### update/))).toEqual(sorted([...own('update'), 'weights', 'sent']))
  })

  it('lists every field of what goes around an update under masks', () => {
    const whats = ReplySchema.options.map((option) => String((option.shape.what as z.ZodLiteral).value))
    const fields = whats.filter((what) => what.startsWith('mask-')).flatMap(own)
    // The parts of shares, and whose they are, are lists; so are the words of an update.
    const parts = ['from', 'to', 'of', 'share', 'owner', 'words']
    expect(sorted(listed(/^### masked updates/))).toEqual(sorted([...new Set([...fields, ...parts])]))
  })

  it('lists every field of statistics, and the tensors of its file', () => {
    expect(sorted(listed(/^### statistics/))).toEqual(sorted([...own('statistics'), 'gram', 'cross']))
  })

  it('lists every field of a refusal and a failure', () => {
    expect(sorted(listed(/^### refused/))).toEqual(sorted([...own('refused'), ...own('failed')]))
  })

  it('lists every field of a sign of life', () => {
    expect(sorted(listed(/^### progress/))).toEqual(sorted(names(LiveSchema)))
  })

  it('lists what the events say of an owner', () => {
    const rows = PAGE.split(/^## /m).find((text) => text.startsWith('What is kept'))!
    const row = (file: string) =>
      fieldsIn(
        rows
          .split('\n')
          .filter((line) => line.includes(file))
          .join('\n'),
      )
    const event = (type: string) => {
      const found = EventSchema.options.find((option) => (option.shape.type as z.ZodLiteral).value === type)!
      return Object.keys(found.shape)
    }
    const trained = [...row('`owner-trained`'), ...row('each with')]
    expect(sorted(trained)).toEqual(sorted(event('owner-trained')))
    expect(sorted(row('`owner-progress`'))).toEqual(sorted(event('owner-progress')))
    const round = EventSchema.options.find((option) => (option.shape.type as z.ZodLiteral).value === 'round-finished')!
    const { traffic } = round.shape as unknown as { traffic: z.ZodOptional<z.ZodArray<z.ZodObject>> }
    expect(sorted(row('`traffic`'))).toEqual(sorted(Object.keys(traffic.unwrap().element.shape)))
  })

  it('names the policy keys that keep something back', () => {
    const keys = [...PAGE.matchAll(/`(share\.\w+)`/g)].map(([, key]) => key)
    expect(new Set(keys)).toEqual(new Set(['share.weights', 'share.metrics', 'share.labels', 'share.statistics']))
  })
})

describe('a run’s folder', () => {
  const { folder, experiment } = workshop()
  const run = join(folder, 'results', 'told', 'a')
  const lines = () =>
    readText(run, 'disclosure.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))

  beforeAll(async () => {
    const file = experiment('told', { rounds: 2, merge: ['avg', 'max'] })
    expect(await runBinary(['run', file, '--run-id', 'a', '--quiet'])).toMatchObject({ code: 0 })
  }, 60_000)

  it('says of an owner what the page lists', () => {
    const rows = PAGE.split('\n').filter((line) => line.includes('`manifest.json`, `shards`'))
    expect(sorted(fieldsIn(rows.join('\n')))).toEqual(sorted(Object.keys(manifestOf(run).shards[0])))
  })

  it('tells what would leave by the names of the page', () => {
    const parts = { card: /^### card/, weights: /^### update/, update: /^### update/, evaluation: /^### evaluation/ }
    const progress = listed(/^### progress/).map((name) => name.replace('progress.', ''))
    for (const { kind, fields } of lines()) {
      const known = kind === 'progress' ? progress : listed(parts[kind as keyof typeof parts])
      for (const field of fields) expect(known, `${kind}: ${field}`).toContain(field)
    }
  })

  it('tells all of it, round by round and owner by owner', () => {
    const told = lines()
    expect(told[0]).toMatchObject({ format: 1, fedunify: expect.any(String), round: 0, owner: 1, kind: 'card' })
    expect(told.slice(1).every((line) => !('format' in line))).toBe(true)
    expect(told.map(({ round, owner, kind }) => `${round} ${owner} ${kind}`)).toEqual([
      ...[1, 2].map((owner) => `0 ${owner} card`),
      ...[1, 2].flatMap((round) =>
        [1, 2].flatMap((owner) =>
          ['weights', 'update', 'evaluation', 'progress'].map((kind) => `${round} ${owner} ${kind}`),
        ),
      ),
    ])
    const of = (round: number, kind: string) => told.find((line) => line.round === round && line.kind === kind)
    // Nobody knows how good the first model is: it is asked of the owners, once.
    expect(of(1, 'update').fields).toContain('metrics.received.confusion')
    expect(of(2, 'update').fields).not.toContain('metrics.received.confusion')
    expect(of(1, 'evaluation')).toMatchObject({ messages: 2, fields: expect.arrayContaining(['evaluation.confusion']) })
    const [, row] = readText(run, 'traffic.csv').split('\n')
    expect(of(1, 'weights').bytes).toBe(Number(row!.split(',')[3]))
    expect(new Set(told.map((line) => line.run))).toEqual(new Set([`told/${manifestOf(run).started}`]))
  })

  it('adds up: the rows of a confusion matrix are the label histogram, as the page says', () => {
    const [trained] = readText(run, 'events.jsonl')
      .split('\n')
      .filter((line) => line.includes('"owner-trained"'))
      .map((line) => JSON.parse(line))
    const { test_labels } = manifestOf(run).shards[trained.owner - 1]
    const classes = test_labels.length
    const rows = test_labels.map((_: number, label: number) =>
      trained.local.confusion
        .slice(label * classes, (label + 1) * classes)
        .reduce((sum: number, images: number) => sum + images, 0),
    )
    expect(rows).toEqual(test_labels)
  })
})
