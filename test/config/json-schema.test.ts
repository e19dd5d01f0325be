import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { BATCH_KEYS } from '../../src/config/batch-schema.ts'
import { fileJsonSchema, type JsonSchema, schemaText } from '../../src/config/json-schema.ts'
import { EXPERIMENT_KEYS, ExperimentSchema, WRITTEN_KEYS } from '../../src/config/schema.ts'

const schema = fileJsonSchema() as JsonSchema & { properties: Record<string, JsonSchema> }
/** zod turns the JSON Schema back into a check of its own; references to keys it must find resolved. */
const resolved = JSON.parse(JSON.stringify(schema), (_, value) =>
  typeof value?.$ref === 'string' ? schema.properties[value.$ref.replace('#/properties/', '')] : value,
)
const reader = z.fromJSONSchema(resolved)
const accepts = (file: unknown) => reader.safeParse(file).success

describe('the JSON Schema of experiment files', () => {
  it('is what experiments/schema.json holds', () => {
    const shipped = readFileSync('experiments/schema.json', 'utf8')
    const regenerate = 'regenerate it: npm run build && node dist/bin.js config schema > experiments/schema.json'
    expect(shipped === schemaText(), regenerate).toBe(true)
  })

  it('has the format and every key of an experiment and of a batch, each described', () => {
    expect(Object.keys(schema.properties)).toEqual(['format', ...WRITTEN_KEYS, ...BATCH_KEYS])
    for (const [key, { description }] of Object.entries(schema.properties)) expect(description, key).toBeTruthy()
  })

  it('names defaults and legal names', () => {
    expect(schema.properties.optimizer).toMatchObject({
      default: 'sgd',
      anyOf: [
        { enum: ['sgd', 'momentum', 'adam'] },
        { type: 'string' },
        { properties: { momentum: { properties: { momentum: { default: 0.9, exclusiveMaximum: 1 } } } } },
      ],
    })
    expect(schema.properties.merge).toMatchObject({ default: ['avg'] })
    expect(schema.properties.rounds).toEqual({
      default: 10,
      description: ExperimentSchema.shape.rounds.description,
      type: 'integer',
      minimum: 1,
    })
  })

  it('gives examples that the experiment accepts', () => {
    for (const key of EXPERIMENT_KEYS) {
      for (const example of schema.properties[key]?.examples ?? []) {
        expect(ExperimentSchema.shape[key].safeParse(example).success, key).toBe(true)
      }
    }
  })

  it('accepts every experiment that is shipped', () => {
    const files = readdirSync('experiments').filter((name) => name.endsWith('.yaml'))
    expect(files.length).toBeGreaterThan(0)
    for (const name of files) {
      const text = readFileSync(`experiments/${name}`, 'utf8')
      expect(text.split('\n')[0], name).toBe('# yaml-language-server: $schema=schema.json')
      expect(accepts(parse(text)), name).toBe(true)
    }
  })

  it.each([
    [{ merge: 'avg' }, true],
    [{ merge: 'avg, max' }, true],
    [{ merge: ['avg', 'max'] }, true],
    [{ merge: 'avg,layers:rules={conv*=avg,dense2.*=class-rows}' }, true],
    [{ merge: [{ layers: { rules: { 'conv*': { ties: { density: 0.5 } } } } }] }, true],
    [{ merge: [{ layers: { rules: { 'conv*': { ties: { density: 2 } } } } }] }, false],
    [{ merge: 'avgg' }, false],
    [{ merge: 'avg,' }, false],
    [{ rouns: 3 }, false],
    [{ rounds: 0 }, false],
    [{ seeds: 3, matrix: { env: ['V', 'H'], merge: [['avg', 'max'], 'max'] } }, true],
    [{ matrix: { env: ['X'] } }, false],
    [{ matrix: { evn: ['V'] } }, false],
    [{ model: [{ type: 'flatten' }, { type: 'dense', units: 10 }] }, true],
    [{ model: [{ type: 'dense' }] }, false],
    [{ optimizer: { momentum: { momentum: 0.5 } } }, true],
    [{ optimizer: 'momentum:momentum=0.5' }, true],
    [{ optimizer: { momentum: { momentm: 0.5 } } }, false],
    [{ optimizer: { momentum: {}, sgd: {} } }, false],
    [{ optimizer: 'momentum', momentum: 0.5 }, true],
    [{ matrix: { momentum: [0, 0.5], 'lr-schedule.step.rounds': [3, 4] } }, true],
    [{ matrix: { momentum: [2] } }, false],
    [{ format: 1, seeds: 3 }, true],
    [{ format: 2 }, false],
    [{ matrix: { format: [1] } }, false],
  ])('%j: %s', (file, legal) => {
    expect(accepts(file)).toBe(legal)
  })
})
