import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { stream } from '../../src/random.ts'
import { encodeCheckpoint, readCheckpoint, type SavedState } from '../../src/runs/checkpoint.ts'
import { start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, tornFiles } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const program = fileURLToPath(new URL('../support/stateful-fedunify.mjs', import.meta.url))
const fedunify = (args: readonly string[]) => start(args, { command: [process.execPath, program] })
const RESULTS = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']

test.each([
  ['the state of a server step', { server: { adam: { lr: 0.02 } } }, ['server/m', 'server/v'], []],
  ['the momentum of a server step', { server: 'avgm', baseline: 'pooled' }, ['server/v'], []],
  ['states of owners, and the server half of their objective', { objective: 'stateful' }, ['objective/c'], ['moved']],
  [
    'all of them',
    { objective: 'stateful', server: 'adam', merge: ['max', 'avg'] },
    ['server/m', 'server/v', 'objective/c'],
    ['moved'],
  ],
])(
  '%s survives kills: the bytes are those of a run without',
  { timeout: 240_000 },
  async (what, given, server, own) => {
    const name = what.replaceAll(/\W+/g, '-')
    const file = experiment(name, { rounds: 60, ...given })
    const at = (id: string) => join(folder, 'results', name, id)
    const whole = await fedunify(['run', file, '--run-id', 'whole', '--quiet']).ended
    expect(whole.err).toBe('')

    const run = at('killed')
    const random = stream(2, 'shuffle')
    for (let kills = 0; kills < 5; kills++) {
      const { child, ended, says } = fedunify([
        'run',
        ...(kills > 0 ? ['--resume', run] : [file, '--run-id', 'killed']),
        '--json',
      ])
      await says('round-finished')
      await new Promise((resolve) => setTimeout(resolve, 60 * random.uniform()))
      child.kill('SIGKILL')
      expect((await ended).signal).toBe('SIGKILL')
      expect(tornFiles(run)).toEqual([])
    }
    const rest = await fedunify(['run', '--resume', run, '--quiet']).ended
    expect([rest.code, rest.err]).toEqual([0, ''])
    expect(manifestOf(run)).toMatchObject({ status: 'finished', rounds: 60 })
    const [a, b] = [await readCheckpoint(at('whole')), await readCheckpoint(run)] as [SavedState, SavedState]
    expect(Object.keys(b.serverState)).toEqual(server)
    expect([...b.ownerStates].map(([owner, state]) => [owner, Object.keys(state)])).toEqual(
      own.length > 0 ? [1, 2].map((owner) => [owner, own]) : [],
    )
    expect({ ...b, ...neutral }).toEqual({ ...a, ...neutral })
    for (const result of RESULTS) {
      expect(readFileSync(join(run, result)).equals(readFileSync(join(at('whole'), result))), result).toBe(true)
    }
  },
)

/** What two runs of the same experiment do not have in common. */
const neutral = { files: {}, seconds: undefined, run: undefined }

test('a checkpoint whose states are not those of the algorithm is refused', { timeout: 120_000 }, async () => {
  const file = experiment('states', { rounds: 400, objective: 'stateful', server: 'avgm' })
  const run = join(folder, 'results', 'states', 'a')
  const { child, ended, says } = fedunify(['run', file, '--run-id', 'a', '--json'])
  await says('round-finished')
  child.kill('SIGKILL')
  await ended
  const path = join(run, 'checkpoint.safetensors')
  const bytes = await readFile(path)
  const saved = (await readCheckpoint(run)) as SavedState
  const refusal = async (change: Partial<SavedState>) => {
    await writeFile(path, encodeCheckpoint({ ...saved, ...change }))
    const { code, err } = await fedunify(['run', '--resume', run, '--quiet']).ended
    await writeFile(path, bytes)
    return [code, err.split('\n')[0]]
  }
  const { 'server/v': v, ...rest } = saved.serverState
  const first = saved.unified.keys().next().value
  expect(await refusal({ serverState: rest })).toEqual([3, `error: ${path} has no tensor server/server/v/${first}`])
  expect(await refusal({ serverState: { ...saved.serverState, 'server/m': v! } })).toEqual([
    3,
    `error: ${path} has server/server/m, the algorithm none`,
  ])
  expect(await refusal({ ownerStates: new Map([...saved.ownerStates, [3, { moved: v! }]]) })).toEqual([
    3,
    `error: ${path} has a state of owner 3, the run none`,
  ])
  expect(await refusal({ ownerStates: new Map([[1, { moved: v! }]]) })).toEqual([
    4,
    expect.stringMatching(/^error: owner 2, round \d+: it has no state of round \d+$/),
  ])
})
