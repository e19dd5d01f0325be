import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { AUDIT_FORMATS } from '../../src/report/terminal/audit.ts'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'

const { experiment, folder } = workshop()
const MODEL = [{ type: 'flatten' }, { type: 'dense', units: 8 }, { type: 'relu' }, { type: 'dense', units: 4 }]
const at = (name: string, ...file: string[]) => join(folder, 'results', name, 'a', ...file)
const run = async (name: string, given: object) =>
  await fedunify(['run', experiment(name, { env: 'H', rounds: 2, model: MODEL, ...given }), '--run-id', 'a', '--quiet'])
const SHADOWS = 'membership-inference:shadows=2:images=40'

beforeAll(async () => {
  expect(await run('kept', { keep: 'owners' })).toMatchObject({ code: 0 })
  expect(await run('plain', { model: SMALL_MODEL })).toMatchObject({ code: 0 })
}, 60_000)

interface Row {
  readonly name: string
  readonly attack: string
  readonly by: string
  readonly of: string
  readonly round: number
  readonly verdict: string
  readonly measures: readonly { readonly name: string; readonly value: number; readonly guess: number | null }[]
}

const rowsOf = (out: string): Row[] => JSON.parse(out).audits[0].rows
const measure = ({ measures }: Row, name: string) => measures.find((one) => one.name === name)!

describe('audit', () => {
  it('makes every attack that a run allows, and leaves the run as it was', async () => {
    const asked = `all,${SHADOWS}`
    const { code, out, err } = await fedunify(['audit', at('kept'), '--attack', asked, '--json', '--quiet'])
    expect([code, err]).toEqual([0, ''])
    const rows = rowsOf(out)
    expect(rows.map(({ name, by, of }) => [name, by, of])).toEqual([
      ['label-inference', 'server', 'each of 2 owners'],
      ['label-inference', 'owner', 'owner 2'],
      ['membership-inference', 'user', 'the unified model, loss'],
      ['membership-inference', 'user', 'the unified model, LiRA'],
      ['membership-inference', 'server', 'the model of owner 1, loss'],
      ['membership-inference', 'server', 'the model of owner 1, LiRA'],
      ['gradient-inversion', 'server', 'a step on one image'],
      ['property-inference', 'server', 'each of 2 owners'],
    ])
    // Owners of disjoint classes: which they hold is in their updates, and in what is left of the mean less one's own.
    for (const row of rows.slice(0, 2)) expect(measure(row, 'classes-right')).toMatchObject({ value: 1, guess: 0.5 })
    expect(rows[0]!.verdict).toBe('tells nearly all of which classes an owner holds')
    expect(measure(rows[6]!, 'image-error').value).toBeLessThan(1e-4)
    expect(measure(rows[6]!, 'image-error').guess).toBeGreaterThan(0.01)
    expect(measure(rows[2]!, 'auc').value).toBeLessThan(1)
    expect(await fedunify(['verify', at('kept')])).toMatchObject({ code: 0 })
  })

  it('keeps what it found, by which the run can be verified, and the report draws it', async () => {
    const { runs } = JSON.parse((await fedunify(['verify', at('kept'), '--json'])).out)
    expect(runs[0]).toMatchObject({ ok: true, analyses: ['audit.json'] })
    const page = readFileSync(at('kept', 'report.html'), 'utf8')
    expect(page).toContain('<figure id="g1-attacks"')
    expect(page.match(/href="data:image\/png;base64,/g)!.length).toBe(2 * 2 * 4)
    const before = JSON.parse(readFileSync(at('kept', 'audit.json'), 'utf8'))
    // Another call replaces what it looks at itself.
    const one = ['audit', at('kept'), '--attack', 'label-inference:power=1', '--as', 'server', '--quiet']
    expect(await fedunify(one)).toMatchObject({ code: 0 })
    const after = JSON.parse(readFileSync(at('kept', 'audit.json'), 'utf8'))
    const names = (file: { rows: Row[] }) => file.rows.map(({ attack }) => attack)
    const others = (file: { rows: Row[] }) => names(file).filter((name) => !name.startsWith('label'))
    expect(others(after)).toEqual(others(before))
    expect(names(after).filter((name) => name.startsWith('label'))).toEqual(['label-inference:power=1'])
  })

  it('takes the folder of a batch, and attacks no run if another name means none', async () => {
    const inverted = ['--attack', 'gradient-inversion', '--json', '--quiet', '--no-save']
    const { out } = await fedunify(['audit', join(folder, 'results', 'kept'), at('kept'), ...inverted])
    expect(JSON.parse(out).audits.map(({ path }: { path: string }) => path)).toEqual([at('kept')])
    const before = readFileSync(at('kept', 'audit.json'))
    const named = ['audit', at('kept'), at('kept', 'manifest.jso'), '--attack', 'gradient-inversion:batch=2', '--quiet']
    expect(await fedunify(named)).toMatchObject({ code: 3, out: '' })
    expect(readFileSync(at('kept', 'audit.json'))).toEqual(before)
  })

  it('looks at the round and at the party that are named', async () => {
    const asked = ['audit', at('kept'), '--attack', `label-inference,${SHADOWS}`, '--json', '--quiet', '--no-save']
    const { out } = await fedunify([...asked, '--round', '1', '--as', 'owner'])
    expect(rowsOf(out).map(({ name, by, round }) => [name, by, round])).toEqual([['label-inference', 'owner', 1]])
    expect(JSON.parse(out).audits[0].not_made).toEqual([
      { name: 'membership-inference', reason: 'it is an attack by the user or the server' },
    ])
  })

  it('lists what a run does not allow, with the reason', async () => {
    const asked = ['audit', at('plain'), '--attack', `all,${SHADOWS}`, '--quiet', '--no-save']
    const { code, out } = await fedunify(asked)
    expect(code).toBe(0)
    expect(out).toContain('not made: label-inference: the run kept no updates of its owners')
    expect(out).toContain(
      'not made: gradient-inversion: dropout in front of the first dense layer hides some of what it gets',
    )
    expect(out).toContain('the unified model, LiRA')
    expect(out).not.toContain('the model of owner 1')
  })

  it('searches for the image behind convolutions', async () => {
    const layers = SMALL_MODEL.filter(({ type }) => type !== 'dropout')
    expect(await run('conv', { model: layers })).toMatchObject({ code: 0 })
    const asked = ['audit', at('conv'), '--attack', 'gradient-inversion:tries=1', '--quiet', '--no-save']
    const [row] = rowsOf((await fedunify([...asked, '--json'])).out)
    const { value, guess } = measure(row!, 'image-error')
    expect(value).toBeLessThan(guess! / 2)
    expect(row!.measures.map(({ name }) => name)).toEqual(['image-error', 'psnr'])
    expect((await fedunify(asked)).out).toContain('comes nearest to it after 300 iterations from the mean image')
    const few = [...asked, '--json'].map((arg) => arg.replace('tries=1', 'tries=1:iterations=1'))
    expect(measure(rowsOf((await fedunify(few)).out)[0]!, 'image-error').value).toBeGreaterThan(value)
  })

  it('says why a model has nothing to search', async () => {
    const frame = [{ type: 'conv2d', filters: 4, kernel: 3 }, { type: 'flatten' }, { type: 'etf' }]
    expect(await run('frame', { model: frame, rounds: 1 })).toMatchObject({ code: 0 })
    const { code, err } = await fedunify(['audit', at('frame'), '--attack', 'gradient-inversion', '--quiet'])
    expect(code).toBe(3)
    expect(err).toContain('gradient-inversion cannot be made: the model has no dense layer, whose gradient would hold')
  })

  it('puts several runs side by side', async () => {
    const asked = ['--attack', 'membership-inference:shadows=0:owners=0:images=20', '--no-save', '--quiet', '--md']
    const { code, out } = await fedunify(['audit', at('kept'), at('plain'), ...asked])
    expect(code).toBe(0)
    expect(out).toContain(`| attack | figure | ${at('kept')} | ${at('plain')} | a guess |`)
    expect(out).toMatch(/\| the unified model, loss: auc \| 0\.\d{3} \| 0\.\d{3} \| 0\.500 \|/)
  })

  it('names runs of one folder by their own names', () => {
    const audit = { path: 'results/batch/a', rows: [], notMade: [] }
    const out = AUDIT_FORMATS.markdown([audit, { ...audit, path: 'results/batch/b' }])
    expect(out).toContain('| attack | figure | a | b | a guess |')
  })

  it.each<[string, string[], number, RegExp]>([
    ['plain', ['--attack', 'label-inference'], 3, /label-inference cannot be made: .*no updates.*\nhint: do the run with --keep owners\n$/], // biome-ignore format: one line
    [
      'kept',
      ['--attack', 'label-inferense'],
      2,
      /unknown attack "label-inferense".*\nhint: did you mean label-inference\?/,
    ],
    ['kept', ['--attack', 'label-inference:powr=1'], 2, /unknown option of label-inference "powr".*power/],
    ['kept', ['--attack', 'label-inference:power=0'], 2, /label-inference:power.*expected a number above 0, got 0/],
    ['kept', ['--round', '7'], 3, /round 7 were not kept\nhint: .*1, 2/],
    ['plain', ['--round', '1'], 3, /has kept no weights of its owners\nhint: .*--keep owners/],
    ['kept', ['--as', 'nobody'], 2, /server, owner, user/],
  ])('of %s with %j ends with %i', async (name, args, code, message) => {
    const ended = await fedunify(['audit', at(name), ...args, '--quiet', '--no-save'])
    expect([ended.code, ended.out]).toEqual([code, ''])
    expect(ended.err).toMatch(message)
  })
})

describe('check', () => {
  const check = async (name: string, ...expectations: object[]) => {
    const file = join(folder, 'gate.yaml')
    writeFileSync(file, JSON.stringify({ expect: expectations }))
    return await fedunify(['check', at(name), '--expect', file])
  }
  const auc = { metric: 'attack', attack: 'membership-inference', measure: 'auc' }

  it('holds an attack under a bound', async () => {
    expect(await check('kept', { ...auc, max: 1 })).toMatchObject({ code: 0 })
    const { code, out } = await check('kept', { ...auc, max: 0.01 })
    expect(code).toBe(1)
    expect(out).toMatch(/missed {2}attack membership-inference, auc {2}expected at most 0\.01/)
    expect(out).toMatch(/got {6}0\.\d+ on the unified model, LiRA, by the user, a guess has 0\.5/)
    const error = { metric: 'attack', attack: 'gradient-inversion', measure: 'image-error', min: 0.1 }
    expect(await check('kept', error)).toMatchObject({ code: 1 })
  })

  it('has nothing to compare without an audit, or without that figure', async () => {
    const missing = await check('plain', { ...auc, max: 1 })
    expect([missing.code, missing.out]).toEqual([3, expect.stringContaining(`run fedunify audit ${at('plain')} first`)])
    const figure = await check('kept', { ...auc, measure: 'acu', max: 1 })
    expect([figure.code, figure.out]).toEqual([3, expect.stringMatching(/has no acu, only auc,.*is auc meant/)])
    const attack = await check('kept', { ...auc, attack: 'membership-inferense', max: 1 })
    expect([attack.code, attack.out]).toEqual([3, expect.stringContaining('is membership-inference meant?')])
  })

  it('takes no audit that was edited, and no bound that nothing can miss', async () => {
    expect((await check('kept', auc)).err).toMatch(/a min or a max/)
    const text = readFileSync(at('kept', 'audit.json'), 'utf8')
    writeFileSync(at('kept', 'audit.json'), text.replace('"auc"', '"cua"'))
    expect(await check('kept', { ...auc, max: 1 })).toMatchObject({ code: 3 })
    writeFileSync(at('kept', 'audit.json'), text)
  })
})

it('audit works as built', async () => {
  const { code, out } = await runBinary(['audit', at('kept'), '--attack', 'label-inference', '--quiet', '--no-save'])
  expect(code).toBe(0)
  expect(out).toMatch(
    /owner 2 +the owner +classes-right +1\.000 +0\.500 +tells nearly all of which classes an owner holds/,
  )
}, 60_000)

it('audit says what is missing', async () => {
  rmSync(at('plain', 'model.safetensors'))
  const { code, err } = await fedunify(['audit', at('plain'), '--quiet'])
  expect([code, err]).toEqual([3, expect.stringMatching(/model\.safetensors: no such file\nhint: a published run may/)])
})

it('audit of a masked run attacks the mean, and says that there are no single updates', async () => {
  const masked = { rounds: 1, privacy: { masks: {}, 'insecure-test-seed': 1 } }
  expect(await run('masked', masked)).toMatchObject({ code: 0 })
  const asked = ['--attack', 'label-inference,gradient-inversion,property-inference', '--json', '--quiet', '--no-save']
  const { out } = await fedunify(['audit', at('masked'), ...asked])
  expect(rowsOf(out).map(({ name, by, of }) => [name, by, of])).toEqual([
    ['label-inference', 'server', 'the mean of all owners'],
    ['gradient-inversion', 'server', 'a step on 2 images'],
  ])
  // Both owners together have all classes.
  expect(measure(rowsOf(out)[0]!, 'classes-right')).toMatchObject({ value: 1, guess: 1 })
  expect(JSON.parse(out).audits[0].not_made).toEqual([
    { name: 'property-inference', reason: 'masks keep the updates of single owners from the server' },
  ])
})
