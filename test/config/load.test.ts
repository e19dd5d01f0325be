import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { MERGE_NAMES } from '../../src/algorithm/merge/registry.ts'
import { type ExperimentRequest, loadExperiment } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/folder.ts'

/** An experiment file with these lines. */
function fileOf(text: string, name = 'exp.yaml'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, text)
  return file
}

/** What is said about a request, with the file's folder left out. */
async function refusal(request: ExperimentRequest): Promise<{ message: string; hint: string | undefined }> {
  const error = await loadExperiment(request).then(
    () => new Error('it was accepted'),
    (e) => e,
  )
  expect(error).toMatchObject({ name: 'FedunifyError', kind: 'usage', exitCode: 2 })
  expect(error.message).not.toContain('\n')
  return { message: error.message.replace(/^\/[^:]*\//, ''), hint: error.hint }
}

describe('an experiment', () => {
  it('is the paper’s by default', async () => {
    expect(await loadExperiment({})).toMatchObject({
      name: 'V-avg',
      seed: 0,
      dataset: 'fashion-mnist',
      normalise: { mean: 0.286, std: 0.353 },
      env: 'V',
      owners: 2,
      model: 'cnn',
      init: 'shared',
      merge: ['avg'],
      rounds: 10,
      'local-epochs': 1,
      batch: 64,
      optimizer: 'sgd',
      lr: 0.1,
      'weight-decay': 0,
      'lr-schedule': 'constant',
      engine: 'auto',
      device: 'auto',
      layout: 'auto',
      out: 'results',
    })
  })

  it.each([
    ['empty', ''],
    ['only a comment', '# nothing yet\n'],
    ['an empty mapping', '{}'],
  ])('file that is %s means the defaults', async (_, text) => {
    expect(await loadExperiment({ file: fileOf(text) })).toEqual({ ...(await loadExperiment({})), name: 'exp' })
  })

  it('takes defaults < file < --set < flags', async () => {
    const file = fileOf('lr: 0.2\nbatch: 32\nrounds: 7\n')
    const lr = async (request: ExperimentRequest) => {
      const { lr, batch, rounds } = await loadExperiment(request)
      return [lr, batch, rounds]
    }
    expect(await lr({})).toEqual([0.1, 64, 10])
    expect(await lr({ file })).toEqual([0.2, 32, 7])
    expect(await lr({ file, set: ['lr=0.3', 'batch=16'] })).toEqual([0.3, 16, 7])
    expect(await lr({ file, set: ['lr=0.3', 'batch=16'], flags: { lr: '0.4' } })).toEqual([0.4, 16, 7])
    expect(await lr({ set: ['lr=0.3', 'lr=0.5'] })).toEqual([0.5, 64, 10])
  })

  it('joins mappings and replaces lists', async () => {
    const file = fileOf('normalise:\n  mean: 0.1\n  std: 0.2\nmerge: [max, avg]\n')
    expect(await loadExperiment({ file, set: ['normalise.mean=0.5'] })).toMatchObject({
      normalise: { mean: 0.5, std: 0.2 },
      merge: ['max', 'avg'],
    })
    expect(await loadExperiment({ file, flags: { merge: 'absmax' } })).toMatchObject({ merge: ['absmax'] })
    expect(await loadExperiment({ set: ['normalise=3', 'normalise.mean=0.4'] })).toMatchObject({
      normalise: { mean: 0.4, std: 0.353 },
    })
  })

  it('reads --set and flags as YAML', async () => {
    const set = ['env=labels', 'labels=[[0,1,2,3,4],[5,6],[7,8,9]]', 'model=[{type: flatten},{type: dense, units: 10}]']
    expect(await loadExperiment({ set, flags: { merge: 'avg, max', lr: '1e-2' } })).toMatchObject({
      owners: 3,
      env: {
        labels: {
          lists: [
            [0, 1, 2, 3, 4],
            [5, 6],
            [7, 8, 9],
          ],
        },
      },
      model: [{ type: 'flatten' }, { type: 'dense', units: 10 }],
      merge: ['avg', 'max'],
      lr: 0.01,
    })
    expect(await loadExperiment({ flags: { merge: '[avg, absmax-literal]' } })).toMatchObject({
      merge: ['avg', 'absmax-literal'],
    })
  })

  it('takes text as text, even where it looks like a number', async () => {
    expect(await loadExperiment({ flags: { name: '2024', out: '123', data: '1e3' } })).toMatchObject({
      name: '2024',
      out: '123',
      data: '1e3',
    })
    expect(await loadExperiment({ set: ['name=007', 'out=a=b', 'data=nullo'] })).toMatchObject({
      name: '007',
      out: 'a=b',
      data: 'nullo',
    })
  })

  it('fills in what a layer leaves out', async () => {
    const model = 'model:\n  - { type: conv2d, filters: 4, kernel: 3 }\n  - type: maxpool2d\n'
    expect((await loadExperiment({ file: fileOf(model) })).model).toEqual([
      { type: 'conv2d', filters: 4, kernel: 3, padding: 'same' },
      { type: 'maxpool2d', size: 2 },
    ])
  })

  it('is named by its name, else by its file, else by env and merges', async () => {
    const name = async (request: ExperimentRequest) => (await loadExperiment(request)).name
    expect(await name({ file: fileOf('', 'table4.yaml') })).toBe('table4')
    expect(await name({ file: fileOf('name: other\n', 'table4.yaml') })).toBe('other')
    expect(await name({ file: fileOf('', 'no folder name.yaml') })).toBe('no-folder-name')
    expect(await name({ file: fileOf('', 'étude (1).yaml') })).toBe('etude-1')
    await expect(name({ file: fileOf('', '研究.yaml') })).rejects.toThrow('研究.yaml: no folder can be named after it')
    expect(await name({ flags: { env: 'H', merge: 'avg,max' } })).toBe('H-avg-max')
  })

  it('has as many workers as owners or cores, whichever is less', async () => {
    const workers = async (owners: string) => (await loadExperiment({ flags: { owners } })).workers
    expect(await workers('2')).toBe(Math.min(2, availableParallelism()))
    expect(await workers('1000')).toBe(availableParallelism())
    expect((await loadExperiment({ flags: { workers: '7' } })).workers).toBe(7)
  })

  it('can be written down and loaded again, the same', async () => {
    const requests: ExperimentRequest[] = [
      {},
      { flags: { name: '2024', out: '0x10', merge: 'avg,max', 'stop-at': '0.5' } },
      { set: ['env=labels', 'labels=[[0,1],[2]]', 'model=[{type: flatten}]', 'lr=1e-7'] },
      { set: ['env=dirichlet', 'alpha=0.1', 'owners=5', 'data=/x y: z', 'dataset=idx', 'normalise.std=1e-3'] },
    ]
    for (const request of requests) {
      const experiment = await loadExperiment(request)
      expect(await loadExperiment({ file: fileOf(stringify(experiment), 'config.yaml') })).toEqual(experiment)
    }
  })
})

describe('an experiment file', () => {
  it.each<[string, string, string?]>([
    ['seed: 1\nlrr: 3\n', 'exp.yaml:2: unknown key "lrr"', 'did you mean lr?'],
    ['optimiser: sgd\n', 'exp.yaml:1: unknown key "optimiser"', 'did you mean optimizer?'],
    ['seed: 1\n\n1: 3\n', 'exp.yaml:3: unknown key "1"'],
    ['normalise:\n  stdd: 3\n', 'exp.yaml:2: unknown key "stdd" in normalise', 'did you mean std?'],
    ['normalise:\n  other: 3\n', 'exp.yaml:2: unknown key "other" in normalise', 'keys are mean, std'],
    ['normalise: 3\n', 'exp.yaml:1: normalise: expected keys and values, got 3'],
    ['seed: 1\nlr: fast\n', 'exp.yaml:2: lr: expected a number, got "fast"'],
    ['lr:\n', 'exp.yaml:1: lr: expected a number, got null'],
    ['lr: .nan\n', 'exp.yaml:1: lr: expected a number, got NaN'],
    ['lr: .inf\n', 'exp.yaml:1: lr: expected a number, got Infinity'],
    ['lr: 0\n', 'exp.yaml:1: lr: expected a number above 0, got 0'],
    ['lr: -0.1\n', 'exp.yaml:1: lr: expected a number above 0, got -0.1'],
    ['lr: [0.1]\n', 'exp.yaml:1: lr: expected a number, got [0.1]'],
    ['rounds: 0\n', 'exp.yaml:1: rounds: expected a number of at least 1, got 0'],
    ['rounds: 2.5\n', 'exp.yaml:1: rounds: expected a whole number, got 2.5'],
    ['owners: 1\n', 'exp.yaml:1: owners: expected a number of at least 2, got 1'],
    ['workers: 2000\n', 'exp.yaml:1: workers: expected a number of at most 1024, got 2000'],
    ['seed: -1\n', 'exp.yaml:1: seed: expected a number of at least 0, got -1'],
    ['momentum: 1\noptimizer: momentum\n', 'exp.yaml:1: momentum: expected a number below 1, got 1'],
    ['stop-at: 95\n', 'exp.yaml:1: stop-at: expected a number of at most 1, got 95'],
    ['rounds: "3"\n', 'exp.yaml:1: rounds: expected a number, got "3"', 'without quotes: 3'],
    ['rounds: "three"\n', 'exp.yaml:1: rounds: expected a number, got "three"'],
    ['out: ""\n', 'exp.yaml:1: out: expected text that is not empty, got ""'],
    ['name: 2024\n', 'exp.yaml:1: name: expected text, got 2024', 'write it as text: "2024"'],
    ['name: a/b\n', 'exp.yaml:1: name: expected letters, digits, dot, dash or underscore, got "a/b"'],
    ['name: ..\n', 'exp.yaml:1: name: expected letters, digits, dot, dash or underscore, got ".."'],
    ['env: h\n', 'exp.yaml:1: env: expected one of V, H, labels, dirichlet, got "h"', 'did you mean H?'],
    ['optimizer: adm\n', 'exp.yaml:1: optimizer: expected one of sgd, momentum, adam, got "adm"', 'did you mean adam?'],
    ['init: 3\n', 'exp.yaml:1: init: expected one of shared, independent, got 3'],
    ['engine: torch\n', 'exp.yaml:1: engine: expected one of auto, onnx, tfjs, got "torch"'],
    ['merge: []\n', 'exp.yaml:1: merge: expected at least 1 in the list, got []'],
    [
      'merge:\n  - avg\n  - avgg\n',
      `exp.yaml:3: merge.1: expected one of ${MERGE_NAMES.join(', ')}, got "avgg"`,
      'did you mean avg?',
    ],
    ['env: labels\nlabels:\n  - [0, 1]\n  - [2, x]\n', 'exp.yaml:4: labels.1.1: expected a number, got "x"'],
    [
      'model: cnnn\n',
      'exp.yaml:1: model: expected one of cnn, cnn-small, cnn-etf, cnn-small-etf, mlp, got "cnnn"',
      'did you mean cnn?',
    ],
    [
      'model: { type: dense }\n',
      'exp.yaml:1: model: expected one of cnn, cnn-small, cnn-etf, cnn-small-etf, mlp, got {"type":"dense"}',
    ],
    ['model: []\n', 'exp.yaml:1: model: expected at least 1 in the list, got []'],
    ['env: labels\nlabels: [[256]]\n', 'exp.yaml:2: labels.0.0: expected a number of at most 255, got 256'],
    ['model:\n  - 3\n', 'exp.yaml:2: model.0: expected keys and values, got 3'],
    [
      'model:\n  - type: flatten\n  - type: dens\n    units: 10\n',
      'exp.yaml:3: model.1.type: expected one of conv2d, relu, maxpool2d, flatten, dense, dropout, etf, got "dens"',
      'did you mean dense?',
    ],
    [
      'model:\n  - units: 10\n',
      'exp.yaml:2: model.0.type: expected one of conv2d, relu, maxpool2d, flatten, dense, dropout, etf, got nothing',
    ],
    ['model:\n  - type: flatten\n  - type: dense\n', 'exp.yaml:3: model.1.units: expected a number, got nothing'],
    ['model:\n  - type: dense\n    units: ten\n', 'exp.yaml:3: model.0.units: expected a number, got "ten"'],
    ['model:\n  - type: dropout\n    rate: 1\n', 'exp.yaml:3: model.0.rate: expected a number below 1, got 1'],
    ['model:\n  - type: relu\n    units: 1\n', 'exp.yaml:3: unknown key "units" in model.0', 'keys are type'],
    ['model:\n  - type: dense\n    unts: 1\n', 'exp.yaml:3: unknown key "unts" in model.0', 'did you mean units?'],
    [
      'model:\n  - { type: conv2d, filters: 3, kernel: 3, stride: 2 }\n',
      'exp.yaml:2: unknown key "stride" in model.0',
      'keys are type, filters, kernel, padding',
    ],
    [
      'lr: [1\nseed: 2\n',
      'exp.yaml:2: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['seed: 1\n---\nseed: 2\n', 'exp.yaml:2: a second document begins here', 'the file must be YAML'],
    ['seed: 1\nseed: 2\n', 'exp.yaml:2: the key "seed" is there twice', 'the file must be YAML'],
    ['\tlr: 3\n', 'exp.yaml:1: Tabs are not allowed as indentation', 'the file must be YAML'],
    ['seed: *none\n', 'exp.yaml:1: the alias "none" names nothing that stands before it', 'the file must be YAML'],
    ['# a list\n- a\n', 'exp.yaml:2: expected keys and values, got a list', 'write "key: value" lines'],
    ['hello\n', 'exp.yaml:1: expected keys and values, got "hello"', 'write "key: value" lines'],
  ])('%j: %s', async (text, message, hint) => {
    const refused = await refusal({ file: fileOf(text) })
    expect(refused.message).toBe(message)
    if (hint !== undefined) expect(refused.hint).toBe(hint)
  })

  it('has a limit for each list', async () => {
    const most = 'expected at most 256 in the list, got '
    const long = async (text: string) => (await refusal({ file: fileOf(text) })).message.split('[')[0]
    expect(await long(`model:\n${'  - type: relu\n'.repeat(257)}`)).toBe(`exp.yaml:2: model: ${most}`)
    expect(await long(`env: labels\nlabels: [${'[0],'.repeat(10_001)}]\n`)).toBe(
      'exp.yaml:2: labels: expected at most 10000 in the list, got ',
    )
  })

  it('lists all keys where none is near', async () => {
    const { hint } = await refusal({ file: fileOf('colour: red\n') })
    expect(hint).toMatch(/^keys are name, seed, dataset, .*, out, expect, .*momentum/)
  })

  it('must be there, and be a file', async () => {
    const folder = temporaryFolder()
    const missing = await refusal({ file: join(folder, 'absent.yaml') })
    expect(missing).toEqual({
      message: 'absent.yaml: no such file',
      hint: 'name an experiment file, for example experiments/table4.yaml',
    })
    mkdirSync(join(folder, 'folder.yaml'))
    expect((await refusal({ file: join(folder, 'folder.yaml') })).message).toBe('folder.yaml: a folder, not a file')
    const file = fileOf('lr: 1\n', 'file.yaml')
    expect((await refusal({ file: join(file, 'below.yaml') })).message).toMatch(/ENOTDIR/)
  })
})

describe('a --set or a flag', () => {
  it.each<[ExperimentRequest, string, string?]>([
    [{ set: ['lr'] }, '--set lr: expected key=value', 'for example --set lr=0.05'],
    [{ set: ['=3'] }, '--set =3: expected key=value'],
    [{ set: ['lr='] }, '--set lr: expected a number, got null'],
    [{ set: ['lrr=3'] }, '--set lrr: unknown key "lrr"', 'did you mean lr?'],
    [{ set: ['lr.x=3'] }, '--set lr: expected a number, got {"x":3}'],
    [{ set: ['normalise.mea=0.5'] }, '--set normalise.mea: unknown key "mea" in normalise', 'did you mean mean?'],
    [{ set: ['normalise.std=0'] }, '--set normalise.std: expected a number above 0, got 0'],
    [{ set: ['__proto__=3'] }, '--set __proto__: unknown key "__proto__"'],
    [{ set: ['normalise.__proto__.mean=3'] }, '--set normalise.__proto__: unknown key "__proto__" in normalise'],
    [{ set: ['lr=['] }, '--set lr: Flow sequence must end with a ]', 'the value must be YAML'],
    [{ set: ['env=labels', 'labels=[[0],[x]]'] }, '--set labels.1.0: expected a number, got "x"'],
    [{ flags: { rounds: '0' } }, '--rounds: expected a number of at least 1, got 0'],
    [{ flags: { lr: 'NaN' } }, '--lr: expected a number, got "NaN"'],
    [{ flags: { privacy: '{ masks: { range: 0 } }' } }, '--privacy masks.range: expected a number above 0, got 0'],
    [{ flags: { participants: '{ fraction: 2 }' } }, '--participants fraction: expected a number of at most 1, got 2'],
    [{ flags: { model: '[{ type: dense, units: 0 }]' } }, '--model 0.units: expected a number of at least 1, got 0'],
    [{ flags: { speeds: '[1, 0]' } }, '--speeds: expected a number above 0, got 0'],
    [{ flags: { lr: '.nan' } }, '--lr: expected a number, got NaN'],
    [{ flags: { lr: '1e999' } }, '--lr: expected a number, got Infinity'],
    [{ flags: { lr: '-1' } }, '--lr: expected a number above 0, got -1'],
    [{ flags: { merge: 'avgg' } }, '--merge: expected one of avg, max, absmax', 'did you mean avg?'],
    [{ flags: { merge: 'avg,' } }, '--merge: expected one of avg, max, absmax'],
    [{ flags: { env: 'v' } }, '--env: expected one of V, H, labels, dirichlet, got "v"', 'did you mean V?'],
    [{ flags: { name: '' } }, '--name: expected letters, digits, dot, dash or underscore, got ""'],
    [{ flags: { out: '' } }, '--out: '],
    [{ flags: { seed: '1e20' } }, '--seed: expected a number of at most'],
    [
      { flags: { model: 'cnn-smal' } },
      '--model: expected one of cnn, cnn-small, cnn-etf, cnn-small-etf, mlp',
      'did you mean cnn-small?',
    ],
  ])('%j: %s', async (request, message, hint) => {
    const refused = await refusal(request)
    expect(refused.message.startsWith(message), refused.message).toBe(true)
    if (hint !== undefined) expect(refused.hint).toBe(hint)
  })

  it('is blamed only for what it gives itself', async () => {
    const normalise = fileOf('normalise:\n  mean: 0.1\n  stdd: 0.2\n')
    const model = fileOf('model:\n  - type: dense\n    units: 3\n')
    const where = async (set: string, file = normalise) => (await refusal({ file, set: [set] })).message.split(': ')[0]
    expect(await where('normalise.mean=0.3')).toBe('exp.yaml:3')
    expect(await where('normalise.mean=x')).toBe('--set normalise.mean')
    expect(await where('normalise=2')).toBe('--set normalise')
    expect(await where('model=[{type: dense}]', model)).toBe('--set model.0.units')
  })

  it('cuts a long value short', async () => {
    const { message } = await refusal({ flags: { lr: 'x'.repeat(500) } })
    expect(message.length).toBeLessThan(120)
    expect(message).toMatch(/xxx…$/)
  })
})

describe('keys that do not go together', () => {
  it.each<[string, string, string]>([
    ['seed: 1\nmerge: [avg, max, avg]\n', 'exp.yaml:2: merge names avg twice', 'name each rule once'],
    [
      'env: labels\n',
      'exp.yaml:1: env labels needs lists: the labels of each owner',
      'for example --labels "[[0,1,2,3,4],[5,6,7,8,9]]"',
    ],
    [
      'labels: [[0], [1]]\n',
      'exp.yaml:1: labels is an option of env labels, but env is V',
      'add env: labels, or remove labels',
    ],
    [
      'env: labels\nlabels: [[0], [1]]\nowners: 3\n',
      'exp.yaml:3: owners is 3, but env labels is for 2',
      'leave owners out',
    ],
    ['env: H\nowners: 3\n', 'exp.yaml:2: owners is 3, but env H is for 2', 'leave owners out'],
    [
      'env: dirichlet\n',
      'exp.yaml:1: env dirichlet needs alpha: concentration; smaller is more uneven',
      'for example --alpha 0.5',
    ],
    ['dataset: idx\n', 'exp.yaml:1: dataset idx needs a folder', '--data DIR'],
  ])('%j: %s', async (text, message, hint) => {
    const refused = await refusal({ file: fileOf(text) })
    expect(refused.message).toBe(message)
    expect(refused.hint).toContain(hint)
  })

  it('go together where they do', async () => {
    expect(await loadExperiment({ set: ['env=labels', 'labels=[[0],[1],[2]]', 'owners=3'] })).toMatchObject({
      owners: 3,
    })
    expect(await loadExperiment({ set: ['env=dirichlet', 'alpha=0.5', 'owners=4'] })).toMatchObject({ owners: 4 })
  })
})
