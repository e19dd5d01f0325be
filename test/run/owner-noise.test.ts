import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { drawnOwners } from '../../src/federation/drawn-owners.ts'
import { epsilonAfter, noiseFor } from '../../src/privacy/accountant/accountant.ts'
import { readCheckpoint } from '../../src/runs/checkpoint.ts'
import { weightsAsNumber } from '../../src/weights/number.ts'
import { decodeSafetensors } from '../../src/weights/safetensors.ts'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { eventsOf, manifestOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const at = (name: string, id = 'a') => join(folder, 'results', name, id)
const run = async (file: string, id = 'a', ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--device', 'cpu', ...more])
const model = (name: string, id: string) => readFileSync(join(at(name, id), 'model.safetensors'))
const given = { env: 'V', owners: 4, rounds: 3 }
const owner = { level: 'owner', clip: 0.5 }
const spent = (rounds: number, noise = 2, delta = 1e-5) => epsilonAfter({ noise, rate: 1, steps: rounds, delta })
const epsilons = (name: string, id = 'a') => rowsOf(at(name, id), 'privacy.csv').map(({ epsilon }) => Number(epsilon))

describe('a run with noise at the level of owners', () => {
  it('says after each round what it has cost: on the terminal, in a table, in its events, in its manifest', async () => {
    const { code, err, out } = await run(experiment('noisy', { ...given, privacy: { ...owner, noise: 2 } }))
    expect(code, err).toBe(0)
    const row = (round: number) => [String(round), 'owner', '2', '0.5', String(spent(round)), '0.00001']
    expect(rowsOf(at('noisy'), 'privacy.csv').map((cells) => Object.values(cells))).toEqual([row(1), row(2), row(3)])
    // The root of theorem 8 of Balle and Wang 2018 for a noise of 2 / sqrt(3), with 40 digits.
    expect(spent(3)).toBeCloseTo(3.70863493, 7)
    expect(err).toMatch(/ epsilon /)
    expect(err).toMatch(/round 1\/3 .* 2\.\d\d /)
    expect(out).toContain('spent at delta 0.00001 for an owner: noise 2 x clip 0.5')
    const events = eventsOf(at('noisy'))
    expect(events[0].privacy).toEqual({ level: 'owner', noise: 2, delta: 1e-5 })
    const finished = events.filter(({ type }) => type === 'round-finished')
    expect(finished.map(({ privacy }) => privacy.epsilon)).toEqual([spent(1), spent(2), spent(3)])
    expect(manifestOf(at('noisy')).noise).toEqual({
      level: 'owner',
      noise: 2,
      noise_by: 'server',
      clip: 0.5,
      delta: 1e-5,
      epsilon: null,
      randomness: 'system',
      note: "its noise is of the system's generator: the run cannot be repeated bit for bit",
      lost_rounds: 0,
    })
    expect(await fedunify(['verify', at('noisy')])).toMatchObject({ code: 0 })
    const page = readFileSync(join(at('noisy'), 'report.html'), 'utf8')
    expect(page).toContain('Privacy: epsilon by round')
    expect(page).toContain('epsilon 3.71 spent at delta 0.00001 for an owner')
    expect(page).toContain(
      'Not covered by the noise: how many images each owner has; the losses and accuracies of each',
    )
  })

  it('is another one each time, but for a test seed, which its manifest says protects nobody', async () => {
    const file = experiment('again', { ...given, privacy: { ...owner, noise: 0.01 } })
    await run(file, 'a', '--quiet')
    await run(file, 'b', '--quiet')
    expect(model('again', 'a').equals(model('again', 'b'))).toBe(false)
    const seeded = experiment('seeded', { ...given, privacy: { ...owner, noise: 0.01, 'insecure-test-seed': 1 } })
    await run(seeded, 'a', '--quiet')
    const { out } = await run(seeded, 'b', '--quiet')
    expect(model('seeded', 'a').equals(model('seeded', 'b'))).toBe(true)
    expect(manifestOf(at('seeded')).noise).toMatchObject({
      randomness: 'insecure-test-seed',
      note: expect.stringContaining('protects nobody'),
    })
    expect(out).toContain('drawn from a test seed, which protects nobody')
  })

  it('clips without noise, and then has no epsilon', async () => {
    const { code, out, err } = await run(
      experiment('clipped', { ...given, privacy: { ...owner, clip: 1e-3, noise: 0 } }),
    )
    expect(code, err).toBe(0)
    expect(epsilons('clipped')).toEqual([0, 0, 0])
    expect(rowsOf(at('clipped'), 'privacy.csv').map(({ epsilon }) => epsilon)).toEqual(['', '', ''])
    expect(out).toContain('clipped to 0.001, without noise: no epsilon holds')
    expect(readFileSync(join(at('clipped'), 'report.html'), 'utf8')).toContain('Privacy: no epsilon')
    expect(await fedunify(['verify', at('clipped')])).toMatchObject({ code: 0 })
  })

  it('a norm that adapts is in the checkpoint, and goes on from there', async () => {
    const adaptive = {
      level: 'owner',
      clip: { adaptive: { start: 1e-4, rate: 0.3 } },
      noise: 0,
      'insecure-test-seed': 1,
    }
    const file = experiment('adaptive', { ...given, privacy: adaptive })
    await run(file, 'whole', '--quiet')
    // No owner is within so small a norm: e^(0.3 · 0.5) each round, in float32.
    const norms = rowsOf(at('adaptive', 'whole'), 'privacy.csv').map(({ clip }) => Number(clip))
    expect(norms.map((norm) => norm / 1e-4)).toEqual(
      [1, Math.exp(0.15), Math.exp(0.3)].map((x) => expect.closeTo(x, 5)),
    )
    const saved = await readCheckpoint(at('adaptive', 'whole'))
    expect(weightsAsNumber(saved!.serverState['privacy/norm']!) / 1e-4).toBeCloseTo(Math.exp(0.45), 5)
    await run(file, 'parts', '--quiet', '--stop-after', '1')
    expect(await fedunify(['run', '--resume', at('adaptive', 'parts'), '--quiet'])).toMatchObject({ code: 0 })
    expect(model('adaptive', 'parts').equals(model('adaptive', 'whole'))).toBe(true)
  })

  it('owners add their shares of the noise', async () => {
    const shares = { ...owner, noise: 1e-3, 'noise-by': 'owners', 'insecure-test-seed': 3 }
    expect(await run(experiment('shares', { ...given, rounds: 1, privacy: shares }))).toMatchObject({ code: 0 })
    const plain = { ...owner, noise: 0 }
    expect(await run(experiment('plain', { ...given, rounds: 1, privacy: plain }))).toMatchObject({ code: 0 })
    expect(model('shares', 'a').equals(model('plain', 'a'))).toBe(false)
    expect(manifestOf(at('shares')).noise.noise_by).toBe('owners')
  })

  it.each(['server', 'owners'])('under masks the sum has the same noise: noise-by %s', async (by) => {
    const privacy = { ...owner, noise: 0.05, 'noise-by': by, 'insecure-test-seed': 3 }
    await run(experiment(`bare-${by}`, { ...given, rounds: 1, privacy }), 'a', '--quiet')
    const { code, err } = await run(
      experiment(`masked-${by}`, { ...given, rounds: 1, privacy: { ...privacy, masks: {} } }),
    )
    expect(code, err).toBe(0)
    const weights = [`bare-${by}`, `masked-${by}`].map((name) => {
      return [...decodeSafetensors(model(name, 'a'), name).weights.values()].flatMap(({ data }) => [...data])
    })
    // Half a level of 30 bits for a change of 4 at most, and what float32 rounds.
    const furthest = weights[0]!.reduce((most, value, i) => Math.max(most, Math.abs(value - weights[1]![i]!)), 0)
    expect(furthest).toBeLessThan(1e-6)
    expect(epsilons(`masked-${by}`)).toEqual([spent(1, 0.05)])
  })

  it('what a server has kept is without its noise, and remerge says so', async () => {
    const privacy = { ...owner, noise: 2 }
    await run(experiment('kept', { ...given, rounds: 1, keep: 'owners', privacy }), 'a', '--quiet')
    const { code, out } = await fedunify(['remerge', at('kept'), '--rules', 'avg', '--no-save', '--quiet'])
    expect([code, out.replace(/\s+/g, ' ')]).toEqual([
      0,
      expect.stringContaining("its models of avg by the server's noise"),
    ])
  })

  it('an owner that is drawn pays for the rounds in which it trains, and nothing is gained by the draw', async () => {
    const drawing = { participants: { count: 2 }, seed: 4, rounds: 5 }
    await run(experiment('drawn', { ...given, ...drawing, privacy: { ...owner, noise: 2 } }), 'a', '--quiet')
    const turns = [0, 0, 0, 0]
    const most = Array.from({ length: 5 }, (_, i) => {
      for (const one of drawnOwners(drawing, [0, 1, 2, 3], i + 1)) turns[one]!++
      return Math.max(...turns)
    })
    expect(most.at(-1)).toBeLessThan(5)
    expect(epsilons('drawn')).toEqual(most.map((rounds) => spent(rounds)))
  })
})

/** Runs it until round 2 is told of, and kills it. */
async function killedAfterTwo(file: string): Promise<void> {
  const preload = join(temporaryFolder(), 'kill.cjs')
  writeFileSync(
    preload,
    `if (require('node:worker_threads').isMainThread) {
      const write = process.stderr.write
      process.stderr.write = function (text, ...rest) {
        if (String(text).startsWith('round 2')) process.kill(process.pid, 'SIGKILL')
        return write.call(this, text, ...rest)
      }
    }`,
  )
  const killed = await runBinary(['run', file, '--run-id', 'a', '--device', 'cpu'], {
    env: { NODE_OPTIONS: `--require ${preload}` },
  })
  expect(killed.signal).toBe('SIGKILL')
}

describe('a budget', () => {
  it('without noise, finds the least noise for all rounds', async () => {
    const { code, err } = await run(experiment('found', { ...given, privacy: { ...owner, epsilon: 4, delta: 1e-6 } }))
    expect(code, err).toBe(0)
    const noise = noiseFor({ epsilon: 4, delta: 1e-6, rate: 1, steps: 3 })!
    expect(manifestOf(at('found')).noise).toMatchObject({ noise, epsilon: 4 })
    const last = epsilons('found').at(-1)!
    expect(last).toBeLessThanOrEqual(4)
    expect(last).toBeGreaterThan(3.999)
    expect(eventsOf(at('found')).at(-1)).toMatchObject({ type: 'finished', rounds: 3, reason: 'rounds' })
    const more = await fedunify(['run', '--resume', at('found'), '--rounds', '5', '--quiet'])
    expect([more.code, more.err]).toEqual([2, expect.stringContaining('the noise was found for 3 rounds')])
  })

  const limited = { ...given, rounds: 6, privacy: { ...owner, noise: 2, epsilon: 3.5 } }

  it('ends the run before the round that would exceed it, and says so', async () => {
    expect([spent(2) < 3.5, spent(3) > 3.5]).toEqual([true, true])
    const { code, out, err } = await run(experiment('limited', limited))
    expect(code, err).toBe(0)
    expect(epsilons('limited')).toEqual([spent(1), spent(2)])
    expect(eventsOf(at('limited'))[0]).toMatchObject({ rounds: 2, privacy: { budget: 3.5 } })
    expect(eventsOf(at('limited')).at(-1)).toMatchObject({ rounds: 2, reason: 'budget' })
    expect(manifestOf(at('limited'))).toMatchObject({ status: 'finished', rounds: 2, reason: 'budget' })
    expect(out).toMatch(/stopped after 2 of 6 rounds in .*: the next one would have gone beyond epsilon 3.5/)
    expect(out).toContain(' of 3.5 spent at delta 0.00001')
    expect(await fedunify(['verify', at('limited')])).toMatchObject({ code: 0 })
    // It does not go on: there is nothing left to spend.
    const again = await fedunify(['run', '--resume', at('limited')])
    expect([again.code, again.err]).toEqual([0, expect.stringContaining('has finished already')])
    const edited = readFileSync(join(at('limited'), 'privacy.csv'), 'utf8').replace('2,owner', '3,owner')
    writeFileSync(join(at('limited'), 'privacy.csv'), edited)
    expect(await fedunify(['verify', at('limited')])).toMatchObject({ code: 3 })
  })

  it('has the model that it ends with evaluated, and its owners kept, though it is not their turn', async () => {
    const rare = { ...limited, 'evaluate-every': 6, keep: 'owners', 'keep-every': 6 }
    expect(await run(experiment('rare', rare))).toMatchObject({ code: 0 })
    const [first, last] = rowsOf(at('rare'), 'unified.csv')
    expect([first!.accuracy === '', last!.accuracy === '']).toEqual([true, false])
    expect(rowsOf(at('rare'), 'local.csv').map(({ local_accuracy }) => local_accuracy !== '')).toEqual(
      [1, 2].flatMap((round) => Array.from({ length: 4 }, () => round === 2)),
    )
    expect(existsSync(join(at('rare'), 'owners', 'round-0002', 'owner-1.safetensors'))).toBe(true)
    expect(await fedunify(['verify', at('rare')])).toMatchObject({ code: 0 })
    // No other run has figures in such a round.
    const { config, ...manifest } = manifestOf(at('rare'))
    const { epsilon: _, ...privacy } = config.privacy
    writeFileSync(join(at('rare'), 'manifest.json'), JSON.stringify({ ...manifest, config: { ...config, privacy } }))
    expect(await fedunify(['verify', at('rare')])).toMatchObject({ code: 3 })
  })

  it('goes no further than its last round if it is killed after it', async () => {
    await killedAfterTwo(experiment('end', { ...limited, 'evaluate-every': 6 }))
    const { code, err } = await fedunify(['run', '--resume', at('end'), '--device', 'cpu'])
    expect(code, err).toBe(0)
    expect(manifestOf(at('end'))).toMatchObject({ status: 'finished', rounds: 2, reason: 'budget' })
    expect(rowsOf(at('end'), 'unified.csv').map(({ accuracy }) => accuracy !== '')).toEqual([false, true])
  })

  it('survives a kill: the round that was under way counts, for its noise may have been seen', async () => {
    const file = experiment('killed', {
      ...limited,
      'evaluate-every': 4,
      privacy: { ...limited.privacy, epsilon: 4.5 },
    })
    expect([spent(4) < 4.5, spent(5) > 4.5]).toEqual([true, true])
    await killedAfterTwo(file)
    expect(manifestOf(at('killed'))).toMatchObject({ status: 'running', rounds: 2 })
    const { code, out, err } = await fedunify(['run', '--resume', at('killed'), '--device', 'cpu'])
    expect(code, err).toBe(0)
    expect(epsilons('killed')).toEqual([spent(1), spent(2), spent(4)])
    expect(manifestOf(at('killed'))).toMatchObject({ rounds: 3, reason: 'budget', noise: { lost_rounds: 1 } })
    expect(rowsOf(at('killed'), 'unified.csv').map(({ accuracy }) => accuracy !== '')).toEqual([false, false, true])
    expect(out).toContain('1 of them begun and not finished')
  }, 60_000)
})

describe('what a dry run says, by what this very run is', () => {
  // 620 parameters: 4 filters of 3 x 3, and 4 units of 4 x 6 x 6 inputs, with biases.
  const root = Math.sqrt(4 * 9 + 4 + 4 * 144 + 4)
  const dry = async (privacy: object, more: object = {}) =>
    (await run(experiment('dry', { ...given, ...more, privacy: { ...owner, ...privacy } }), 'a', '--dry-run')).out

  it('the noise beside the signal, whom it protects from, and what it does not cover', async () => {
    const out = (await dry({ noise: 2 })).replace(/\s+/g, ' ')
    expect(out).toContain('Epsilon 3.71 at delta 0.00001 after 3 rounds, for all that an owner has')
    const ratio = Number(((2 / 4) * root).toPrecision(3))
    expect(out).toContain(
      `is ${ratio} times as long as the mean can be (noise 2 / 4 owners x the root of 620 parameters)`,
    )
    expect(out).toContain(', which drowns it')
    expect(out).toContain('not against the server')
    expect(out).toContain('the label counts in the manifest; how far the owners lie apart (drift)')
    expect(out).not.toContain('stop-at)')
  })

  it('other things of other runs', async () => {
    const more = { 'stop-at': 0.9, keep: 'owners', participants: { count: 2 } }
    const out = (await dry({ noise: 0.1, 'noise-by': 'owners' }, more)).replace(/\s+/g, ' ')
    expect(out).not.toContain('drowns')
    expect(out).toContain('Each owner adds its share, 1 / 2 of the variance: without masks')
    expect(out).toContain('after which round the run stops (stop-at); the kept weights of the owners')
    expect(out).toContain('Owners are drawn with a seed that all know')
  })

  it('warns as a run does: of a large delta, a test seed, and a signal that drowns', async () => {
    const privacy = { ...owner, noise: 2, delta: 0.25, 'insecure-test-seed': 1 }
    const { err } = await run(experiment('warned', { ...given, rounds: 1, privacy }))
    expect(err).toContain('note: delta 0.25 is not below 1 / owners (0.25)')
    expect(err).toContain('so this run protects nobody')
    expect(err).toMatch(/note: the noise on a round's mean is 12.4 times as long/)
  })
})

describe('what is refused', () => {
  const noise = { ...owner, noise: 1 }
  it.each([
    [{ privacy: { noise: 1 } }, 'noise is given without level'],
    [{ privacy: {} }, 'privacy asks for neither masks nor noise'],
    [{ privacy: { level: 'owner', noise: 1 } }, 'level owner needs a norm to clip to'],
    [{ privacy: owner }, 'level owner needs noise, or an epsilon'],
    [{ privacy: { ...owner, noise: 0, epsilon: 4 } }, 'without noise no epsilon holds'],
    [{ privacy: { ...owner, epsilon: 1e-9, delta: 1e-12 } }, 'no noise keeps 3 rounds within epsilon 1e-9'],
    [{ privacy: { ...noise, epsilon: 1 } }, 'with noise 1 the first round costs epsilon 4.377, which is more than 1'],
    [{ privacy: noise, init: 'independent' }, 'each owner begins with its own'],
    [{ privacy: noise, pace: 'fedasync' }, 'pace fedasync has no rounds in which each owner counts once'],
    [{ privacy: noise, head: 'ridge' }, 'to which no noise is added'],
    [{ privacy: noise, baseline: 'pooled' }, 'the pooled baseline trains on the images of all owners without noise'],
    [
      { privacy: noise, objective: { scaffold: { form: 'general' } } },
      'objective scaffold sends more than its weights',
    ],
    [{ privacy: noise, objective: 'scaffold' }, "takes the model for the mean of the owners' weights"],
    [{ privacy: noise, server: 'fedexp' }, 'server fedexp goes by how far each owner went'],
    [{ privacy: noise, merge: 'weighted-avg' }, 'lets an owner count for as much as it has images'],
    [{ privacy: noise, merge: 'median' }, 'merge median is no mean'],
    [{ privacy: noise, merge: 'avg,max' }, 'merge max would be scored on the same updates'],
  ])('%o', async (more, why) => {
    const { code, err } = await run(experiment('refused', { ...given, ...more }))
    expect([code, err]).toEqual([2, expect.stringContaining(why)])
    expect(err).toMatch(/^error: .*\nhint: .*\n$/)
  })

  it('a norm of 0', async () => {
    const { code, err } = await run(experiment('refused', { ...given, privacy: { ...noise, clip: 0 } }))
    expect([code, err]).toEqual([2, expect.stringContaining('privacy.clip: expected a number above 0, got 0')])
  })
})
