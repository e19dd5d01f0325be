import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HeadStatistics } from '../../../src/engine/head-statistics.ts'
import { addImages, noStatistics } from '../../../src/engine/head-statistics.ts'
import { statisticsTensors } from '../../../src/federation/head-tensors.ts'
import { readStatistics } from '../../../src/federation/nats/read-statistics.ts'
import type { ReplyOf } from '../../../src/federation/nats/wire.ts'
import { readLedger } from '../../../src/owner/ledger-lines.ts'
import { encodeSafetensors } from '../../../src/weights/safetensors.ts'
import type { Weights } from '../../../src/weights/weights.ts'
import { hasBroker } from '../../support/broker.ts'
import { EvilOwner, honestly } from '../../support/evil-owner.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { eventsOf } from '../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string) => join(folder, 'results', name, 'net')

describe('sums that an owner hands in', () => {
  // Features 2, 3 and 5, of classes 0, 1 and 1: gram [[38, 10], [10, 3]], cross [[2, 8], [1, 2]].
  const sums = addImages(noStatistics(1, 2), Float32Array.of(2, 3, 5), Int32Array.of(0, 1, 1))
  const bounds = { sizes: { size: 2, classes: 2 }, trainImages: 3, trainLabels: [1, 2] }
  const read = (
    tensors: Weights,
    { images = 3, trainLabels = [1, 2] as number[] | undefined } = {},
  ): HeadStatistics => {
    const reply = { owner: 2, round: 4, images } as ReplyOf<'statistics'>
    return readStatistics(reply, encodeSafetensors(tensors), 'bob', { ...bounds, trainLabels })
  }
  const changed = (name: 'gram' | 'cross', at: number, value: number) => {
    const data = sums[name].slice()
    data[at] = value
    return statisticsTensors({ ...sums, [name]: data })
  }

  it('are taken as they are', () => {
    expect(read(statisticsTensors(sums))).toEqual(sums)
    expect(read(statisticsTensors(sums), { trainLabels: undefined })).toEqual(sums)
  })

  it.each([
    ['NaN', () => read(changed('gram', 0, Number.NaN)), 'holds NaN in gram'],
    ['infinity', () => read(changed('cross', 0, Number.POSITIVE_INFINITY)), 'holds Infinity in cross'],
    ['other sizes', () => read(statisticsTensors(noStatistics(2, 2))), 'has gram of [6], the head [3]'],
    ['other classes', () => read(statisticsTensors(noStatistics(1, 3))), 'has cross of [2,3], the head [2,2]'],
    ['nothing', () => read(new Map()), 'has no gram'],
    ['more images', () => read(statisticsTensors(sums), { images: 9 }), 'is of 9 images, but the owner has said'],
    ['images that gram does not count', () => read(changed('gram', 3, 4)), 'counts 4 images in gram, and says 3'],
    ['other labels than it has told', () => read(changed('cross', 2, 0)), 'counts other images of each class'],
    [
      'a negative count',
      () => read(changed('cross', 2, -1), { trainLabels: undefined }),
      'counts other images of each',
    ],
    ['more labels than images', () => read(changed('cross', 2, 9), { trainLabels: undefined }), 'counts other images'],
  ])('are refused with %s', (_, reading, why) => {
    expect(reading).toThrow(`the file of sums of owner bob in round 4 ${why}`)
    try {
      reading()
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_UPDATE', place: { owner: 2, round: 4 } })
    }
  })
})

describe.skipIf(!hasBroker)('a head over a broker', () => {
  const allow = (dir: string, name: string, text = 'share: { statistics: true }\n') =>
    writeFileSync(join(dir, 'owners', name, 'policy.yaml'), text)

  it.each([
    ['statistics', undefined, 'share.statistics: asked for sums of the features of each class, for head ridge'],
    ['labels', 'share: { statistics: true, labels: false }\n', 'share.labels: asked for sums of the features'],
  ])('is refused by an owner that does not share its %s', { timeout: 60_000 }, async (key, policy, why) => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    allow(dir, 'alice')
    if (policy) allow(dir, 'bob', policy)
    joins('alice')
    joins('bob')
    const { code, err } = await serve(experiment(`refused-${key}`, { head: 'ridge' }), '--quiet').ended
    expect([code, err]).toEqual([4, expect.stringContaining(`error: owner bob refuses: ${why}`)])
    const { entries } = (await readLedger(join(dir, 'owners', 'bob', 'ledger.jsonl')))!
    expect(entries.map(({ kind }) => kind)).toEqual(['experiment', 'refusal'])
  })

  it('is fitted to the sums of all, and scored by those that share metrics', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    allow(dir, 'alice')
    allow(dir, 'bob', 'share: { statistics: true, metrics: false }\n')
    for (const name of ['alice', 'bob']) joins(name, '--once')
    const { code, err } = await serve(experiment('silent', { rounds: 1, head: 'lda' }), '--run-id', 'net').ended
    expect(code, err).toBe(0)
    const [{ merges }] = eventsOf(at('silent')).filter(({ type }) => type === 'round-finished')
    expect(merges.map(({ merge, evaluated_by }: { merge: string; evaluated_by: number }) => [merge, evaluated_by])).toEqual([['avg', 1], ['lda', 1]]) // biome-ignore format: one line
  })

  it('refuses sums that cannot be, and asks again', { timeout: 90_000 }, async () => {
    const fed = await startFederation(['alice', 'bob'], data)
    allow(fed.dir, 'alice')
    fed.join('alice', '--once')
    const server = fed.serve(experiment('evil', { rounds: 2, head: 'ridge' }), '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    const sums = (honest: Weights, attempt: number) => {
      if (attempt === 0) honest.get('cross')!.data[3] = Number.NaN
      return honest
    }
    const work = bob.work({ train: honestly, sums })
    const { code, err } = await server.ended
    await work
    expect(code, err).toBe(0)
    expect(err.match(/refused: the file of sums of owner bob in round \d holds NaN in cross; owner bob is asked again/g)).toHaveLength(2) // biome-ignore format: one line
  })
})
