import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadExperiment } from '../../src/config/load.ts'
import type { RunEvent } from '../../src/federation/events.ts'
import { VERSION } from '../../src/package.ts'
import { executeToEnd } from '../../src/run/execute.ts'
import { inThisProcess } from '../../src/run/participants.ts'
import { prepareRun } from '../../src/run/prepare.ts'
import type { Sink } from '../../src/run/sinks.ts'
import { EVENT_FORMAT } from '../../src/runs/plain-event.ts'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { eventsOf, manifestOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()

/** Remembers what it was told, and does what is asked of it. */
function sink(name: string, act: (event: RunEvent) => void | Promise<void> = () => {}) {
  const events: RunEvent[] = []
  let closed = 0
  const made: Sink = {
    name,
    async event(event) {
      await act(event)
      events.push(event)
    },
    close() {
      closed += 1
    },
  }
  return { made, types: () => events.map(({ type }) => type), last: () => events.at(-1), closed: () => closed }
}

async function run(name: string, sinks: readonly Sink[], given: object = {}, signal?: AbortSignal) {
  const prepared = await prepareRun(await loadExperiment({ file: experiment(name, { rounds: 2, ...given }) }))
  const path = join(folder, 'results', name, 'a')
  const notes: string[] = []
  const note = (line: string) => notes.push(line)
  const error = await executeToEnd(inThisProcess(prepared), { path, resume: false, signal, sinks, note }).catch(
    (thrown: unknown) => thrown,
  )
  return { path, notes, error }
}

describe('sinks of a run', () => {
  it('are told of every event in order, once it is in the run folder, and closed', async () => {
    const seen: number[] = []
    const a = sink('a', (event) => {
      if (event.type !== 'owner-progress') seen.push(eventsOf(join(folder, 'results', 'told', 'a')).length)
    })
    const { error, path } = await run('told', [a.made, { name: 'without hooks' }])
    expect(error).toBeUndefined()
    const written = eventsOf(path).map(({ type }) => type)
    expect(a.types().filter((type) => type !== 'owner-progress')).toEqual(written)
    expect(seen).toEqual(written.map((_, i) => i + 1))
    expect(a.closed()).toBe(1)
  })

  it.each(['throws', 'rejects'])(
    'that fail are told of and left out; the run and the others go on: one that %s',
    async (how) => {
      const bad = sink('the bad one', ({ type }) => {
        if (type !== 'round-finished') return
        if (how === 'throws') throw new Error('out of paper')
        return Promise.reject(new Error('out of paper'))
      })
      const good = sink('the good one')
      const { error, notes, path } = await run(`fails-${how}`, [bad.made, good.made])
      expect(error).toBeUndefined()
      expect(notes).toEqual(['note: the bad one failed and is left out from here on: out of paper'])
      expect(bad.types()).not.toContain('finished')
      expect(bad.closed()).toBe(0)
      expect(good.types().at(-1)).toBe('finished')
      expect(manifestOf(path)).toMatchObject({ status: 'finished', rounds: 2 })
    },
  )

  it('are told of a failure as data, and so is events.jsonl', async () => {
    const a = sink('a')
    const { error, path } = await run('diverges', [a.made], { lr: 1e9 })
    expect(error).toMatchObject({ kind: 'training' })
    const failed = {
      type: 'failed',
      code: 'E_DIVERGED',
      kind: 'training',
      owner: expect.any(Number),
      round: 1,
      tensor: expect.any(String),
    }
    expect(a.last()).toMatchObject({
      ...failed,
      message: expect.stringContaining('diverged'),
      hint: /lower the learning rate/,
    })
    expect(eventsOf(path).at(-1)).toEqual({ ...a.last(), format: EVENT_FORMAT, fedunify: VERSION })
    expect(a.closed()).toBe(1)
    expect(manifestOf(path)).toMatchObject({ status: 'failed', reason: expect.stringContaining('diverged') })
  })

  it('are told of an interruption', async () => {
    const controller = new AbortController()
    const a = sink('a', ({ type }) => {
      if (type === 'round-finished') controller.abort(new Error('enough'))
    })
    const { error } = await run('stops', [a.made], { rounds: 1000 }, controller.signal)
    expect(error).toMatchObject({ code: 'E_INTERRUPTED', message: 'enough', cause: controller.signal.reason })
    expect(a.last()).toMatchObject({ type: 'failed', code: 'E_INTERRUPTED', message: 'enough' })
  })

  it('are told of what goes wrong before the first round', async () => {
    const path = join(folder, 'results', 'taken', 'a')
    await run('taken', [])
    const a = sink('a')
    const { error } = await run('taken', [a.made])
    expect(error).toMatchObject({ kind: 'usage', message: `${path} exists already` })
    expect(a.types()).toEqual(['failed'])
  })
})

describe('--json', () => {
  it.each<[string, () => string[], object]>([
    [
      'in the midst of it',
      () => ['run', experiment('far'), '--lr', '1e9'],
      { code: 'E_DIVERGED', kind: 'training', round: 1 },
    ],
    [
      'before it has a folder',
      () => ['run', experiment('nowhere'), '--data', '/nowhere'],
      { code: 'E_DATASET_MISSING', kind: 'data' },
    ],
    ['before it has an experiment', () => ['run', '--lr', '0'], { code: 'E_CONFIG', kind: 'usage' }],
  ])('says on stdout that a run failed %s', async (_, args, expected) => {
    const { out, err, code } = await runBinary([...args(), '--json', '--quiet'])
    const last = JSON.parse(out.trimEnd().split('\n').at(-1)!)
    expect(last).toMatchObject({ type: 'failed', ...expected })
    expect(err).toContain(`error: ${last.message}\n`)
    expect(code).toBeGreaterThan(1)
  })
})
