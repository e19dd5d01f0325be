import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLedger } from '../../../../src/owner/ledger-lines.ts'
import { runBinary } from '../../../support/binary.ts'
import { hasBroker } from '../../../support/broker.ts'
import { workshop } from '../../../support/experiment.ts'
import { startFederation } from '../../../support/federation.ts'
import { manifestOf, readText } from '../../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
const at = (name: string, id: string) => join(folder, 'results', name, id)
const OWNERS = ['alice', 'bob', 'carol']

/** The same experiment in one process, under masks of its own. */
async function expectSameAsLocal(name: string, file: string): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
  for (const one of FILES) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one))), one).toBe(true)
  }
}

describe.skipIf(!hasBroker)('masked sums over a broker', () => {
  it.each([
    ['avg', {}],
    ['weighted', { merge: ['weighted-avg'], server: 'avgm' }],
    ['scaffold', { objective: 'scaffold' }],
    ['threshold', { privacy: { masks: { threshold: 2 } } }],
    ['drawn', { participants: { count: 2 } }],
  ])('give the bytes of masked sums in one process: %s', { timeout: 90_000 }, async (name, given) => {
    const file = experiment(name, { owners: 3, env: 'V', privacy: { masks: {} }, ...given })
    const { dir, join: joins, serve } = await startFederation(OWNERS, data)
    const owners = OWNERS.map((owner) => joins(owner, '--once'))
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal(name, file)
    expect(manifestOf(at(name, 'net')).masks).toEqual(manifestOf(at(name, 'local')).masks)
    const told = (id: string) => readText(at(name, id), 'disclosure.jsonl').split('\n').filter((line) => /"masked"|"key"|"share"/.test(line)).map((line) => ({ ...JSON.parse(line), run: '' })) // biome-ignore format: one line
    expect(told('net')).toEqual(told('local'))
    const { totals } = (await readLedger(join(dir, 'owners', 'alice', 'ledger.jsonl')))!
    const kinds = totals.filter(({ direction }) => direction === 'out').map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['card', 'key', 'masked', 'evaluation']))
    expect(kinds).not.toContain('update')
  })
})
