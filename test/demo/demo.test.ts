import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findBroker } from '../../src/demo/local-broker.ts'
import { FedunifyError } from '../../src/errors.ts'
import { type Running, runBinary, start } from '../support/binary.ts'
import { hasBroker } from '../support/broker.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'

const { experiment, folder } = workshop()

/** A folder for temporary files of its own: what is left in it was left behind. */
function scene(): { temporary: string; demo(...args: string[]): Running } {
  const temporary = temporaryFolder()
  return {
    temporary,
    demo(...args) {
      const running = start(['federation', 'demo', ...args], { patience: 120_000, env: { TMPDIR: temporary } })
      onTestFinished(() => void running.child.kill('SIGKILL'))
      return running
    },
  }
}

/** Processes that have a folder as theirs, or name it, by what they are. */
function processesOf(dir: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const all = [readlinkSync(`/proc/${pid}/cwd`), ...words]
      const role = words[0] === process.execPath ? words[2]! : 'broker'
      const owner = /owners\/(\w+)/.exec(words.join(' '))?.[1]
      if (all.some((word) => word.startsWith(`${dir}/`))) found.set(owner ?? role, Number(pid))
    } catch {
      // It has ended meanwhile, or is of somebody else.
    }
  }
  return found
}

async function expectNothingLeft(temporary: string, patience = 0): Promise<void> {
  const left = () => [...processesOf(temporary).keys(), ...readdirSync(temporary)]
  for (const end = Date.now() + patience; left().length > 0 && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(left()).toEqual([])
}

describe.skipIf(!hasBroker || process.platform !== 'linux')('federation demo', () => {
  it('runs an experiment, tells what left each owner, and leaves the run folder alone', {
    timeout: 60_000,
  }, async () => {
    const { temporary, demo } = scene()
    const running = demo(experiment('shown', { env: 'H' }))
    await running.says(/^server round 1\/3/m)
    expect([...processesOf(temporary).keys()].sort()).toEqual(['alice', 'bob', 'broker', 'serve'])
    const { code, out, err } = await running.ended
    expect([code, err.match(/^(demo|broker|server|alice|bob) .*$/gm)?.length]).toEqual([
      0,
      err.trim().split('\n').length,
    ])
    expect(err).toMatch(/^broker nats-server \S+ listens on localhost:\d+, for this machine alone$/m)
    expect(err).toMatch(/^alice {2}round 3: trained in /m)
    expect(out).toMatch(/^unified accuracy /m)
    expect(out).toMatch(/^alice +[\d.]+ kB +[\d.]+ kB +[\d.]+ kB$/m)
    expect(existsSync(join(folder, 'results', 'shown', /shown\/([\d-]+)\/$/m.exec(out)![1]!, 'manifest.json'))).toBe(
      true,
    )
    await expectNothingLeft(temporary)
  })

  it('has more owners, and keeps its federation if a folder is named', { timeout: 60_000 }, async () => {
    const { temporary, demo } = scene()
    const dir = join(temporaryFolder(), 'kept')
    const { code, out } = await demo(experiment('three', { env: 'V' }), '--owners', '3', '--dir', dir).ended
    expect(code).toBe(0)
    expect(out).toContain(`The federation is in ${dir}`)
    expect(readdirSync(join(dir, 'owners')).sort()).toEqual(['alice', 'bob', 'carol'])
    await expectNothingLeft(temporary)
    expect(processesOf(dir)).toEqual(new Map())
  })

  it('has an experiment of its own, for any number of owners', { timeout: 60_000 }, async () => {
    const { temporary, demo } = scene()
    const less = ['dataset=idx', 'images=240', 'rounds=1', 'model=mlp', `out=${join(folder, 'results')}`]
    const sets = less.flatMap((pair) => ['--set', pair])
    for (const owners of ['2', '3']) {
      const { code, out } = await demo('--owners', owners, '--data', join(folder, 'idx'), ...sets).ended
      expect([code, out]).toEqual([0, expect.stringContaining('/results/demo/')])
    }
    await expectNothingLeft(temporary)
  })

  const long = { env: 'H', rounds: 400 }
  const atWork = async (name: string) => {
    const { temporary, demo } = scene()
    const running = demo(experiment(name, long))
    await running.says(/^server round +2\/400/m)
    return { temporary, running }
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing at %s', { timeout: 60_000 }, async (signal) => {
    const { temporary, running } = await atWork(`at-${signal}`)
    running.child.kill(signal)
    const { code, err } = await running.ended
    expect([code, err]).toEqual([130, expect.stringMatching(/error: interrupted\n/)])
    await expectNothingLeft(temporary)
  })

  it.each([
    ['broker', 'the broker'],
    ['alice', 'owner alice'],
    ['serve', 'the server'],
  ])('leaves nothing if its %s crashes, and says so', { timeout: 60_000 }, async (role, name) => {
    const { temporary, running } = await atWork(`crash-${role}`)
    process.kill(processesOf(temporary).get(role)!, 'SIGKILL')
    const { code, err } = await running.ended
    expect(code).toBe(4)
    expect(err).toContain(`error: ${name} was ended by SIGKILL before the run was done\n`)
    await expectNothingLeft(temporary)
  })

  it('leaves nothing if it is killed itself', { timeout: 60_000 }, async () => {
    const { temporary, running } = await atWork('killed')
    running.child.kill('SIGKILL')
    await running.ended
    await expectNothingLeft(temporary, 10_000)
  })

  it('starts nothing if the experiment does not fit, or the folder is in use', async () => {
    const { temporary, demo } = scene()
    const many = await demo(experiment('unfit', { env: 'H' }), '--owners', '3').ended
    expect(many).toMatchObject({ code: 2, err: expect.stringMatching(/^error: .*owners is 3, but env H is for 2\n/) })
    const used = join(temporaryFolder(), 'used')
    mkdirSync(join(used, 'x'), { recursive: true })
    expect((await demo('--dir', used).ended).err).toMatch(/^error: .* is there already, and is not empty\n/)
    expect((await demo('-').ended).code).toBe(2)
    expect((await runBinary(['federation', 'demo', '--owners', '1'])).err).toContain('from 2 to 8')
    await expectNothingLeft(temporary)
  })
})

it('says in one line how to get a broker if there is none', async () => {
  const error = await findBroker(['no-such-nats-server', '/nowhere/nats-server']).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(FedunifyError)
  expect(error).toMatchObject({ code: 'E_BROKER', hint: expect.stringContaining('apt-get install nats-server') })
})
