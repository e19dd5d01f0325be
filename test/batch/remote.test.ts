import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { planBatch } from '../../src/batch/plan.ts'
import { keyOf, makeJob } from '../../src/batch/remote/job.ts'
import { runBinary, start } from '../support/binary.ts'
import { hasBroker } from '../support/broker.ts'
import { workshop } from '../support/experiment.ts'
import { ruleText } from '../support/own-rule.ts'
import { standing } from '../support/parties.ts'
import { bytesOf, queueBroker } from '../support/queue.ts'
import { manifestOf, runFolders } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const results = join(folder, 'results')
const KEEPING = { keep: 'owners', 'keep-every': 10 }
const runsOf = (name: string) => runFolders(join(results, name))

/** The bytes of a batch that is done here; its results are put aside. */
async function local(file: string, name: string): Promise<Record<string, string>> {
  const { code, err } = await runBinary(['batch', file, '--quiet'], { patience: 120_000 })
  expect(code, err).toBe(0)
  const bytes = bytesOf(join(results, name))
  rmSync(join(results, name), { recursive: true })
  return bytes
}

describe.skipIf(!hasBroker)('a batch whose runs others do', { timeout: 120_000 }, () => {
  test('gives the bytes of a local one, with a rule of the user, and is then skipped', async () => {
    const rule = join(folder, 'first.mjs')
    writeFileSync(rule, ruleText())
    const file = experiment('four', {
      rounds: 3,
      seeds: 2,
      matrix: { merge: [['avg', './first.mjs'], ['max']] },
      keep: 'owners',
    })
    const here = await local(file, 'four')
    const broker = await queueBroker()
    const workers = [broker.worker('--once'), broker.worker('--once'), broker.worker('--once', '--jobs', '2')]
    const { code, err, out } = await broker.batch(file).ended
    expect(code, err).toBe(0)
    expect(out).toContain('4 finished, 0 skipped, 0 failed of 4 runs')
    expect(err).toMatch(/^\[1\] \S+-\d+: round 3\/3 /m)
    expect(bytesOf(join(results, 'four'))).toEqual(here)
    for (const worker of workers) expect((await worker.ended).code).toBe(0)

    const again = await broker.batch(file).ended
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('0 finished, 4 skipped') })
    const left = await (await broker.open()).standing(AbortSignal.timeout(5000))
    expect([left.jobs.size, left.results.size]).toEqual([0, 0])
  })

  test('goes on at another worker if one is killed, from what that had uploaded', async () => {
    const file = experiment('killed', { rounds: 150, merge: ['avg', 'absmax'], server: 'adam', ...KEEPING })
    const here = await local(file, 'killed')
    const broker = await queueBroker()
    const first = broker.worker()
    const batch = broker.batch(file)
    await batch.says('round  20/150')
    first.child.kill('SIGKILL')
    const second = broker.worker('--once')
    const { code, err } = await batch.ended
    expect(code, err).toBe(0)
    expect(err).toMatch(/: goes on after round \d+\n/)
    expect((await second.ended).code).toBe(0)
    expect(bytesOf(join(results, 'killed'))).toEqual(here)
  })

  test('goes on at another worker at once if one is stopped', async () => {
    const file = experiment('stopped', { rounds: 150 })
    const here = await local(file, 'stopped')
    const broker = await queueBroker()
    const first = broker.worker()
    const batch = broker.batch(file)
    await batch.says('round  20/150')
    first.child.kill('SIGINT')
    expect((await first.ended).code).toBe(130)
    broker.worker()
    const { code, err } = await batch.ended
    expect(code, err).toBe(0)
    expect(Number(/: goes on after round (\d+)\n/.exec(err)![1])).toBeGreaterThanOrEqual(20)
    expect(bytesOf(join(results, 'stopped'))).toEqual(here)
  })

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'ends with the same bytes if it meets %s and is started again',
    async (signal) => {
      const name = `restarted-${signal.toLowerCase()}`
      const file = experiment(name, { rounds: 60, seeds: 2 })
      const here = await local(file, name)
      const broker = await queueBroker()
      broker.worker()
      const batch = broker.batch(file)
      await batch.says('round  5/60')
      batch.child.kill(signal)
      const ended = await batch.ended
      if (signal === 'SIGINT') {
        expect(ended.code).toBe(130)
        expect(ended.err).toContain('0 of 2 runs are done')
      }
      const { code, err, out } = await broker.batch(file).ended
      expect(code, err).toBe(0)
      expect(out).toContain('2 finished')
      expect(bytesOf(join(results, name))).toEqual(here)
    },
  )

  test('goes on from what is here of a run that was interrupted, and keeps what else is in its folder', async () => {
    const file = experiment('begun', { rounds: 60, name: 'begun' })
    const here = await local(file, 'begun')
    const cut = start(['batch', file])
    await cut.says('round 20/60')
    cut.child.kill('SIGINT')
    await cut.ended
    const [run] = runsOf('begun')
    expect(manifestOf(run!).status).toBe('interrupted')
    const { rounds } = manifestOf(run!)
    writeFileSync(join(run!, 'notes.txt'), 'mine')
    const broker = await queueBroker()
    broker.worker()
    const { code, err } = await broker.batch(file).ended
    expect(code, err).toBe(0)
    expect(err).toContain(`goes on after round ${rounds}\n`)
    expect(bytesOf(join(results, 'begun'))).toEqual(here)
    expect(existsSync(join(run!, 'notes.txt'))).toBe(true)
  })

  test('outlives a broker that is killed and started again', async () => {
    const file = experiment('broker', { rounds: 300, seeds: 2 })
    const here = await local(file, 'broker')
    const broker = await queueBroker()
    broker.worker()
    broker.worker()
    const batch = broker.batch(file)
    await batch.says('round  10/300')
    await broker.kill()
    await broker.restart()
    const { code, err } = await batch.ended
    expect(code, err).toBe(0)
    expect(err).toMatch(/^connected to nats:\S+ again$/m)
    expect(bytesOf(join(results, 'broker'))).toEqual(here)
  })

  test('outlives a broker that loses its store', async () => {
    const file = experiment('wiped', { rounds: 200, seeds: 2 })
    const here = await local(file, 'wiped')
    const broker = await queueBroker()
    broker.worker()
    const batch = broker.batch(file)
    await batch.says('round  10/200')
    await broker.wipe()
    await broker.restart()
    const { code, err } = await batch.ended
    expect(code, err).toBe(0)
    expect(bytesOf(join(results, 'wiped'))).toEqual(here)
  })

  test('reports a run that fails as a local batch does, and goes on with the others', async () => {
    const file = experiment('mixed', { rounds: 2, matrix: { lr: [1e9, 0.05], owners: [2, 999] }, lr: undefined })
    const alone = await runBinary(['batch', file])
    renameSync(join(results, 'mixed'), join(results, 'mixed-here'))
    const broker = await queueBroker()
    broker.worker()
    const { code, err, out } = await broker.batch(file).ended
    expect(alone.code).toBe(4)
    expect(code).toBe(4)
    expect(out).toContain('1 finished, 0 skipped, 3 failed of 4 runs')
    const told = (text: string) =>
      text
        .split('\n')
        .filter((line) => /^(failed|hint|error): /.test(line))
        .sort()
    expect(told(err)).toEqual(told(alone.err))
    expect(runsOf('mixed').map((run) => [manifestOf(run).status, manifestOf(run).reason])).toEqual(
      runsOf('mixed-here').map((run) => [manifestOf(run).status, manifestOf(run).reason]),
    )
  })

  test('a job of another version is refused once, and left', async () => {
    const file = experiment('version', { rounds: 1 })
    const broker = await queueBroker()
    const queue = await broker.open()
    const signal = AbortSignal.timeout(60_000)
    const [run] = await planBatch([file], [])
    await queue.offer({ ...(await makeJob(queue, keyOf(run!), run!, signal)), fedunify: '9.9.9' }, signal)
    const batch = broker.batch(file)
    const worker = broker.worker()
    await batch.says(/^note: \S+: refused \S+version\/s0-\w+: it is for fedunify 9\.9\.9, this worker has /m)
    await worker.says('refused: it is for fedunify 9.9.9')
    await new Promise((resolve) => setTimeout(resolve, 6000))
    expect(await queue.isOffered(keyOf(run!), signal)).toBe(true)
    worker.child.kill('SIGINT')
    const { err } = await worker.ended
    expect(err.match(/refused/g)).toHaveLength(1)
  })

  test('reaches a broker over TLS, by a key', async () => {
    const file = experiment('secure', { rounds: 1 })
    const { port, dir, close } = await standing(['alice'])
    onTestFinished(close)
    const [ca, key] = [join(dir, 'server', 'ca.pem'), join(dir, 'server', 'server.nk')]
    const at = ['--on', `tls://localhost:${port}`, '--nkey', key]
    const worker = start(['worker', ...at, '--ca', ca, '--once'])
    const { code, err } = await runBinary(['batch', file, ...at, '--ca', ca])
    expect(code, err).toBe(0)
    expect((await worker.ended).code).toBe(0)
    const foreign = await runBinary(['batch', experiment('foreign', { rounds: 1 }), ...at])
    expect(foreign).toMatchObject({
      code: 2,
      err: expect.stringContaining('name the authority that signed it with --ca'),
    })
  })

  test('needs a broker that lets it in, and takes no --jobs', async () => {
    const file = experiment('refused', { rounds: 1 })
    const broker = await queueBroker('authorization { user: a, password: b }')
    const unknown = await broker.batch(file).ended
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('does not let us in') })
    const known = broker.url.replace('//', '//a:b@')
    const worker = start(['worker', '--on', known])
    await worker.says('waits for runs at nats://127')
    worker.child.kill('SIGINT')
    expect((await worker.ended).err).not.toContain('a:b')
    const both = await broker.batch(file, '--jobs', '2').ended
    expect(both).toMatchObject({ code: 2, err: expect.stringContaining('error: --jobs beside --on') })
    const alone = await runBinary(['batch', file, '--nkey', 'key.nk'])
    expect(alone).toMatchObject({ code: 2, err: expect.stringContaining('error: --nkey is for a broker') })
    const odd = await runBinary(['worker', '--on', 'http://a:secret@b'])
    expect(odd).toMatchObject({ code: 2, err: expect.not.stringContaining('secret') })
  })
})
