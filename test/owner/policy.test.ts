import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MERGE_NAMES } from '../../src/algorithm/merge/registry.ts'
import type { ObjectivePart } from '../../src/algorithm/objective/objective.ts'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import { SERVER_STEPS } from '../../src/algorithm/server/registry.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import type { Experiment } from '../../src/config/schema.ts'
import { POLICY } from '../../src/federation/setup/party-files.ts'
import { buildModel } from '../../src/model/model.ts'
import { PRESET_NAMES, type PresetName, presetLayers } from '../../src/model/presets.ts'
import { OPEN_POLICY, POLICY_FILE, type Policy, PolicySchema } from '../../src/owner/policy/policy.ts'
import { findPolicy, readPolicy } from '../../src/owner/policy/read-policy.ts'
import { type Asks, type OwnerRequest, refusals, requestOf, roundRefusal } from '../../src/owner/policy/refusals.ts'
import { VERSION } from '../../src/package.ts'
import { temporaryFolder } from '../support/folder.ts'
import { codeBlocks } from '../support/pages.ts'
import { caseOf } from '../support/rule-cases.ts'

/** The policy of a file with these lines. */
const read = (text: string): Promise<Policy> => readPolicy(fileOf(text))

function fileOf(text: string): string {
  const file = join(temporaryFolder(), 'policy.yaml')
  writeFileSync(file, text)
  return file
}

/** What is wrong with a file, its folder left out. */
async function problem(text: string): Promise<{ code: string; message: string; hint: string | undefined }> {
  const error = await read(text).then(
    () => new Error('it was accepted'),
    (e) => e,
  )
  expect(error).toMatchObject({ name: 'FedunifyError', kind: 'usage' })
  return { code: error.code, message: error.message.replace(/^\/[^:]*\//, ''), hint: error.hint }
}

const NOTHING: Asks = { metrics: false, labels: false }

const experimentOf = (values: object): Experiment =>
  resolveExperiment([{ kind: 'file', values: { ...values }, where: () => 'exp.yaml' }])

function request(values: object = {}, asks: Partial<Asks> = {}): OwnerRequest {
  const experiment = experimentOf(values)
  const layers = presetLayers((experiment.model ?? 'cnn') as PresetName, 10)
  return requestOf(experiment, buildModel(layers, [1, 28, 28], 10), { ...NOTHING, ...asks })
}

describe('a policy file', () => {
  it.each([
    ['empty', ''],
    ['only comments', '# nothing yet\n'],
    ['only a format', 'format: 1\n'],
    ['groups of which every key is behind a #', 'allow:\n#  merge: [avg]\nmost:\nshare:\n'],
  ])('that is %s is the open policy', async (_, text) => {
    expect(await read(text)).toEqual(OPEN_POLICY)
    expect(OPEN_POLICY).toEqual({
      allow: {},
      most: {},
      share: { weights: true, metrics: true, labels: true, statistics: false },
    })
  })

  it('has names in a list, or one alone', async () => {
    const { allow } = await read('allow: { merge: avg, server: "none, avgm", objective: [fedprox] }\n')
    expect(allow).toEqual({ merge: ['avg'], server: ['none', 'avgm'], objective: ['fedprox'] })
  })

  it.each([
    ['\nalow: {}\n', 'policy.yaml:2: unknown key "alow"', 'did you mean allow?'],
    ['zzz: 1\n', 'policy.yaml:1: unknown key "zzz"', 'keys are allow, most, share'],
    ['most:\n  round: 3\n', 'policy.yaml:2: unknown key "round" in most', 'did you mean rounds?'],
    ['most:\n  epochs: 3\n', 'policy.yaml:2: unknown key "epochs" in most', 'did you mean local-epochs?'],
    ['most:\n  zzzz: 3\n', 'policy.yaml:2: unknown key "zzzz" in most', /^keys are parameters, rounds, local-epochs/],
    ['share: { metric: true }\n', 'policy.yaml:1: unknown key "metric" in share', 'did you mean metrics?'],
  ])('%j has an unknown key', async (text, message, hint) => {
    const found = await problem(text)
    expect(found).toMatchObject({ code: 'E_UNKNOWN_NAME', message })
    expect(found.hint).toMatch(hint)
  })

  it.each([
    ['most:\n  rounds: many\n', 'policy.yaml:2: most.rounds: expected a number, got "many"', undefined],
    ['most: { rounds: 0 }\n', 'policy.yaml:1: most.rounds: expected a number of at least 1, got 0', undefined],
    ['most: { rounds: }\n', 'policy.yaml:1: most.rounds: expected a number, got null', undefined],
    ['most: { parameters: 1.5 }\n', 'policy.yaml:1: most.parameters: expected a whole number, got 1.5', undefined],
    [
      'most: { seconds-per-round: 0 }\n',
      'policy.yaml:1: most.seconds-per-round: expected a number above 0, got 0',
      undefined,
    ],
    ['share: { labels: no }\n', 'policy.yaml:1: share.labels: expected true or false, got "no"', undefined],
    [
      'allow:\n  server:\n    - none\n    - admm\n',
      `policy.yaml:4: allow.server.1: expected one of ${Object.keys(SERVER_STEPS).join(', ')}, got "admm"`,
      'did you mean adam?',
    ],
    ['allow: { server: [] }\n', 'policy.yaml:1: allow.server: expected at least 1 in the list, got []', undefined],
    [
      'allow: { layers: [conv] }\n',
      'policy.yaml:1: allow.layers.0: expected one of conv2d, relu, maxpool2d, flatten, dense, dropout, etf, got "conv"',
      'did you mean conv2d?',
    ],
    [
      'allow: { merge: [agv] }\n',
      `policy.yaml:1: allow.merge.0: expected one of ${MERGE_NAMES.join(', ')}, FILE.mjs, got "agv"`,
      'did you mean avg?',
    ],
    ['allow: { merge: [avg.mjs] }\n', /allow.merge.0: expected one of .*, got "avg.mjs"/, undefined],
    ['allow: 3\n', 'policy.yaml:1: allow: expected keys and values, got 3', undefined],
    ['- avg\n', 'policy.yaml:1: expected keys and values, got a list', 'write key: value lines'],
    ['format: one\n', 'policy.yaml:1: expected format 1, got "one"', 'write format: 1, or leave it out'],
    ['most: {\n', /^policy.yaml:\d: /, 'the file must be YAML'],
  ])('%j is refused', async (text, message, hint) => {
    const found = await problem(text)
    expect(found.code).toBe('E_CONFIG')
    expect(found.message).toMatch(message)
    expect(found.hint).toBe(hint)
  })

  it('of a newer format is refused before what it may hold', async () => {
    expect(await problem('most: { future: 1 }\nformat: 2\n')).toEqual({
      code: 'E_CONFIG_FORMAT',
      message: `policy.yaml:2: policy format 2 is newer than fedunify ${VERSION} can read (up to 1)`,
      hint: 'use a newer version of fedunify',
    })
  })

  it('that is missing is an error if it was named', async () => {
    const file = join(temporaryFolder(), 'policy.yaml')
    await expect(readPolicy(file)).rejects.toMatchObject({
      code: 'E_CONFIG_FILE',
      message: `${file}: no such file`,
      hint: 'name a policy file, for example policy.yaml',
    })
  })
})

describe('the policy of a folder', () => {
  it('is its policy.yaml, or none', async () => {
    const folder = temporaryFolder()
    expect(await findPolicy(folder)).toBeUndefined()
    writeFileSync(join(folder, 'policy.yaml'), 'most: { rounds: 3 }\n')
    expect((await findPolicy(folder))!.most.rounds).toBe(3)
  })

  it('is not taken for none if it is misnamed, cannot be read or leads nowhere', async () => {
    const [misnamed, aFolder, link] = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
    writeFileSync(join(misnamed, 'policy.yml'), 'most: { rounds: 3 }\n')
    mkdirSync(join(aFolder, 'policy.yaml'))
    symlinkSync('nowhere', join(link, 'policy.yaml'))
    await expect(findPolicy(misnamed)).rejects.toMatchObject({
      code: 'E_CONFIG_FILE',
      message: `${join(misnamed, 'policy.yml')}: a policy is named policy.yaml, and this one would not be read`,
      hint: 'rename it to policy.yaml',
    })
    await expect(findPolicy(aFolder)).rejects.toMatchObject({ code: 'E_CONFIG_FILE' })
    await expect(findPolicy(link)).rejects.toMatchObject({ code: 'E_CONFIG_FILE' })
  })
})

describe('each key', () => {
  it.each([
    ['most: { parameters: 421642 }', {}, []],
    ['most: { parameters: 421641 }', {}, ['most.parameters: asked for 421,642; allowed: at most 421,641']],
    ['allow: { layers: [flatten, dense, relu] }', { model: 'mlp' }, []],
    [
      'allow: { layers: [flatten, dense, relu] }',
      { model: 'cnn' },
      ['allow.layers: asked for conv2d, maxpool2d; allowed: flatten, dense, relu'],
    ],
    ['allow: { merge: [avg, trimmed-mean] }', { owners: 3, merge: ['avg', 'trimmed-mean'] }, []],
    [
      'allow: { merge: avg }',
      { merge: ['max', 'avg', 'median'], owners: 3 },
      ['allow.merge: asked for max, median; allowed: avg'],
    ],
    ['allow: { server: [none] }', {}, []],
    ['allow: { server: [none] }', { server: 'adam' }, ['allow.server: asked for adam; allowed: none']],
    ['allow: { objective: [fedprox] }', { objective: { fedprox: { mu: 1 } } }, []],
    ['allow: { objective: [fedprox] }', {}, ['allow.objective: asked for cross-entropy; allowed: fedprox']],
    ['most: { rounds: 10 }', { rounds: 10 }, []],
    ['most: { rounds: 10 }', { rounds: 1000 }, ['most.rounds: asked for 1,000; allowed: at most 10']],
    ['most: { rounds: 10 }', { rounds: 10, pace: 'fedasync' }, []],
    [
      'most: { rounds: 10 }',
      { rounds: 10, pace: { fedbuff: { size: 2 } } },
      ['most.rounds: asked for 20; allowed: at most 10'],
    ],
    ['most: { local-epochs: 5 }', { 'local-epochs': 5 }, []],
    ['most: { local-epochs: 5 }', { 'local-epochs': 6 }, ['most.local-epochs: asked for 6; allowed: at most 5']],
    [
      'most: { local-epochs: 5 }',
      { 'until-local-accuracy': 0.9, 'max-local-epochs': 7 },
      ['most.local-epochs: asked for 7; allowed: at most 5'],
    ],
    ['share: { weights: false }', { privacy: { masks: {} }, owners: 3 }, []],
    [
      'share: { weights: false }',
      { privacy: { level: 'owner', clip: 1, noise: 1 } },
      ['share.weights: asked for its weights as they are; this owner sends them under masks alone'],
    ],
    ['share: { metrics: true }', { 'stop-at': 0.9, 'until-local-accuracy': 0.9 }, []],
    ['share: { metrics: false }', {}, []],
    [
      'share: { metrics: false }',
      { 'stop-at': 0.9 },
      ['share.metrics: asked to stop-at 0.9, for which the accuracy at every owner is needed; this owner shares none'],
    ],
    [
      'share: { metrics: false }',
      { 'until-local-accuracy': 0.8 },
      [
        'share.metrics: asked to train until-local-accuracy 0.8, so that the epochs tell it; this owner shares no accuracy',
      ],
    ],
  ])('%s, asked for %j', async (text, values, expected) => {
    expect(refusals(await read(text), request(values))).toEqual(expected)
  })

  it.each([
    ['metrics', 'share.metrics: asked for accuracies and losses; this owner shares none'],
    ['labels', 'share.labels: asked for the number of images of each class; this owner does not share it'],
  ] as const)('share.%s is asked for only if the run cannot do without', async (key, line) => {
    const [yes, no] = await Promise.all([true, false].map((shared) => read(`share: { ${key}: ${shared} }`)))
    expect(refusals(yes!, request({}, { [key]: true }))).toEqual([])
    expect(refusals(no!, request({}, { [key]: false }))).toEqual([])
    expect(refusals(no!, request({}, { [key]: true }))).toEqual([line])
  })

  it.each([
    [
      '',
      'share.statistics: asked for sums of the features of each class, for head ridge; this owner shares them only if its policy says true',
    ],
    [
      'share: { statistics: true, labels: false }',
      'share.labels: asked for sums of the features of each class, for head ridge, which tell the number of its images; this owner does not share it',
    ],
    ['share: { statistics: true, metrics: false }', undefined],
  ])('share.statistics must be said: %j', async (text, line) => {
    const policy = await read(text)
    expect(refusals(policy, request({ head: { ridge: { random: 100 } } }))).toEqual(line ? [line] : [])
    expect(refusals(policy, request({ head: 'none' }))).toEqual([])
  })

  it('most.seconds-per-round and most.rounds hold while a round is under way', async () => {
    const policy = await read('most: { rounds: 3, seconds-per-round: 90 }')
    expect(roundRefusal(policy, { round: 3, seconds: 90 })).toBeUndefined()
    expect(roundRefusal(policy, { round: 3, seconds: 91 })).toBe(
      'most.seconds-per-round: round 3 has taken 1 min 31 s; allowed: at most 1 min 30 s',
    )
    expect(roundRefusal(policy, { round: 4, seconds: 0 })).toBe('most.rounds: asked for 4; allowed: at most 3')
    expect(roundRefusal(OPEN_POLICY, { round: 1e6, seconds: 1e9 })).toBeUndefined()
  })

  it('allow.merge has the rules of the experiment by their file', async () => {
    const own = { ...experimentOf({}), merge: ['avg', { midrange: { p: 0.4 } }] } as Experiment
    const asked = { ...request(), experiment: own }
    expect(refusals(await read('allow: { merge: [avg, midrange.mjs] }'), asked)).toEqual([])
    expect(refusals(await read('allow: { merge: [avg, ./rules/midrange.js] }'), asked)).toEqual([])
    expect(refusals(await read('allow: { merge: [avg] }'), asked)).toEqual([
      'allow.merge: asked for midrange; allowed: avg',
    ])
  })
})

describe('a refusal', () => {
  it('has every reason', async () => {
    const policy = await read('allow: { merge: avg, server: none }\nmost: { rounds: 1 }\nshare: { labels: false }\n')
    const lines = refusals(policy, request({ merge: 'max', server: 'avgm' }, { labels: true }))
    expect(lines.map((line) => line.replace(/:.*/, ''))).toEqual([
      ...['allow.merge', 'allow.server', 'most.rounds', 'share.labels'],
    ])
  })

  it('comes of numbers that are none', () => {
    const policy = PolicySchema.parse({ most: { parameters: 5, 'seconds-per-round': 5 } })
    expect(refusals(policy, { ...request(), parameters: Number.NaN })).toHaveLength(1)
    expect(roundRefusal(policy, { round: 1, seconds: Number.NaN })).toBeDefined()
  })
})

/** Every rule; some must be given options. */
const MERGES = MERGE_NAMES.map((name) => ({ [name]: caseOf(name).options ?? {} }))

/** Objectives that are sound whatever else is asked. */
const OF_ANY: Readonly<Record<string, ObjectivePart>> = OBJECTIVES
const ANYWHERE = Object.keys(OF_ANY).filter((name) => !OF_ANY[name]!.check)

/** Experiments of the parts that there are, with options and numbers of every size. */
const experiments = fc.record(
  {
    model: fc.constantFrom(...PRESET_NAMES),
    merge: fc.subarray([...MERGES], { minLength: 1 }),
    server: fc.constantFrom(...Object.keys(SERVER_STEPS)),
    objective: fc.constantFrom(...ANYWHERE),
    rounds: fc.integer({ min: 1, max: 100 }),
    'local-epochs': fc.integer({ min: 1, max: 5 }),
    batch: fc.integer({ min: 1, max: 512 }),
  },
  { requiredKeys: [] },
)

describe('the open policy', () => {
  it('fits whatever is asked', () => {
    const asks = fc.record({ metrics: fc.boolean(), labels: fc.boolean() })
    fc.assert(
      fc.property(experiments, asks, fc.option(fc.double({ min: 0, max: 1, noNaN: true })), (values, asked, stopAt) => {
        const given = { ...values, owners: 5, ...(stopAt !== null && { 'stop-at': stopAt }) }
        expect(refusals(OPEN_POLICY, request(given, asked))).toEqual([])
      }),
      { numRuns: 50 },
    )
  })
})

describe('the policy in the folder of a new owner', () => {
  it('allows and shares everything', async () => {
    expect(await read(POLICY)).toEqual(OPEN_POLICY)
  })

  it('has an example of each group, which is legal', async () => {
    const examples = [...POLICY.matchAll(/^# (([a-z]+): \{.*)$/gm)]
    expect(examples.map(([, , group]) => group)).toEqual(['allow', 'most', 'share'])
    const policy = await read(examples.reduce((text, [line, active]) => text.replace(line, active!), POLICY))
    for (const [, , group] of examples) {
      expect(policy[group as keyof Policy]).not.toEqual(OPEN_POLICY[group as keyof Policy])
    }
  })
})

describe('docs/policy.md', () => {
  const docs = readFileSync('docs/policy.md', 'utf8')

  it('has every key, and the number of the format', () => {
    for (const [group, schema] of Object.entries(PolicySchema.shape)) {
      for (const key of Object.keys(schema.unwrap().shape)) expect(docs).toContain(`| \`${group}.${key}\` |`)
    }
    expect(readFileSync('docs/formats.md', 'utf8')).toContain(
      `| [policy](#policy), \`policy.yaml\` | ${POLICY_FILE.format} |`,
    )
  })

  it('has an example that is one, and the refusals that it makes', async () => {
    const policy = await read(codeBlocks('docs/policy.md', 'yaml')[0]!)
    const asked = { ...request({ merge: ['avg', 'median'], owners: 5 }), parameters: 12_000_000 }
    const lines = refusals(policy, asked)
    const stop = refusals(
      { ...policy, share: { ...policy.share, metrics: false, labels: false } },
      request({ 'stop-at': 0.9 }),
    )
    expect(docs).toContain(`\`\`\`\n${[...lines, ...stop].join('\n')}\n\`\`\`\n`)
  })
})
