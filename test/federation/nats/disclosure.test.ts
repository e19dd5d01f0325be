import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { readText } from '../../support/run-folder.ts'

const { experiment, folder } = workshop()

interface Line {
  readonly round: number
  readonly owner: number
  readonly kind: string
  readonly messages: number
  readonly fields: readonly string[]
  readonly bytes: number
}

const linesOf = (id: string): Line[] =>
  readText(join(folder, 'results', 'told', id), 'disclosure.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** What must be the same however the owners take part: seconds have other digits, and signs of life may be lost. */
const comparable = (lines: readonly Line[], owner: number) =>
  lines
    .filter((line) => line.owner === owner && line.kind !== 'progress')
    .map(({ round, kind, messages, fields, bytes }) => ({
      ...{ round, kind, messages, fields },
      ...(kind === 'weights' && { bytes }),
    }))

it.skipIf(!hasBroker)(
  'a server tells of each owner what came, which is what a local run says would',
  {
    timeout: 90_000,
  },
  async () => {
    const file = experiment('told', { env: 'dirichlet', alpha: 1, owners: 3, rounds: 2, merge: ['avg', 'max'] })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob', 'carol'], join(folder, 'idx'))
    const policy = (name: string, text: string) => writeFileSync(join(dir, 'owners', name, 'policy.yaml'), text)
    policy('bob', 'share: { labels: false }\n')
    policy('carol', 'share: { metrics: false }\n')
    for (const name of ['alice', 'bob', 'carol']) joins(name, '--once')
    const { code, err } = await serve(file, '--run-id', 'net').ended
    expect(code, err).toBe(0)
    expect((await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])).code).toBe(0)

    const [net, local] = [linesOf('net'), linesOf('local')]
    expect(comparable(net, 1)).toEqual(comparable(local, 1))
    const fields = (owner: number) => new Set(net.filter((line) => line.owner === owner).flatMap((line) => line.fields))
    expect(fields(1)).toContain('metrics.local.confusion')
    const histogram = /confusion|_labels/
    expect([...fields(2)].filter((field) => histogram.test(field))).toEqual([])
    expect(fields(2)).toContain('metrics.local.correct')
    expect([...fields(3)].filter((field) => /^metrics\.|evaluation|loss|test_images|confusion/.test(field))).toEqual([])
    expect([...fields(3)]).toEqual(expect.arrayContaining(['weights', 'train_images', 'train_labels', 'seconds']))
    expect(net.filter(({ owner, kind }) => owner === 3 && kind === 'evaluation')).toEqual([])
  },
)
