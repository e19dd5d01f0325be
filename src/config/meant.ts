import { nearest } from '../errors.ts'

/** What other tools call a key, and what it is called here. */
const KEYS: Readonly<Record<string, string>> = {
  epochs: 'local-epochs',
  'num-epochs': 'local-epochs',
  'batch-size': 'batch',
  'learning-rate': 'lr',
  'lr-scheduler': 'lr-schedule',
  clients: 'owners',
  'num-clients': 'owners',
  parties: 'owners',
  'clients-per-round': 'participants',
  'fraction-fit': 'participants',
  'num-rounds': 'rounds',
  'random-seed': 'seed',
  'num-seeds': 'seeds',
  partition: 'env',
  aggregation: 'merge',
  strategy: 'merge',
  optim: 'optimizer',
  optimiser: 'optimizer',
  normalize: 'normalise',
  output: 'out',
  'data-dir': 'data',
}

/** The same for names of parts, by their key. */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  merge: {
    fedavg: 'weighted-avg',
    mean: 'avg',
    average: 'avg',
    'fed-avg': 'weighted-avg',
    'trimmed-avg': 'trimmed-mean',
    fedtrimmedavg: 'trimmed-mean',
    fedmedian: 'median',
    rfa: 'geometric-median',
    multikrum: 'multi-krum',
    swa: 'last-rounds',
  },
  env: { iid: 'V', 'non-iid': 'H' },
  server: { fedavgm: 'avgm', fedadam: 'adam', fedyogi: 'yogi', fedadagrad: 'adagrad' },
  objective: {
    scaffnew: 'scaffold',
    proxskip: 'scaffold',
    'logit-adjustment': 'balanced-softmax',
    fedvls: 'vacant-classes',
  },
}

/** Names that stand under another key here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  fedprox: '--objective fedprox',
  scaffold: '--objective scaffold',
  scaffnew: '--objective scaffold',
  proxskip: '--objective scaffold',
  feddyn: '--objective feddyn',
  fedcm: '--objective fedcm',
  fedrs: '--objective fedrs',
  fedlc: '--objective fedlc',
  sam: '--sam 0.05',
  fedsam: '--sam 0.05',
  fedetf: '--model cnn-etf',
  fedavgm: '--server avgm',
  fedadam: '--server adam',
  fedyogi: '--server yogi',
  fedadagrad: '--server adagrad',
  fedexp: '--server fedexp',
}

/** Other tools write `batch_size`, or `batchSize`. */
const spelled = (name: string) =>
  name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()

/** The key that is meant by a name that is none, of those that are legal; undefined if none comes near. */
export function meantKey(got: string, legal: readonly string[]): string | undefined {
  const key = KEYS[spelled(got)] ?? spelled(got)
  return legal.includes(key) ? key : nearest(got, legal)
}

/** What is meant by a name that a key does not know: as it would be written. */
export function meantName(key: string, got: string, legal: readonly string[]): string | undefined {
  // `FedAvg` is written `fed-avg` and `fedavg`.
  const known = (names: Readonly<Record<string, string>> = {}) => names[spelled(got)] ?? names[got.toLowerCase()]
  const other = known(NAMES[key])
  if (other !== undefined && legal.includes(other)) return other
  const elsewhere = known(ELSEWHERE)
  return elsewhere === undefined || elsewhere.startsWith(`--${key} `) ? nearest(got, legal) : elsewhere
}

/** What a word such as `lr=0.05` is meant to be where a file is to be named. */
export function meantSetting(word: string, keys: readonly string[]): string | undefined {
  const [, name, value] = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(word) ?? []
  const key = name === undefined ? undefined : meantKey(name.split('.')[0]!, keys)
  if (key === undefined) return undefined
  return `--set ${[key, ...name!.split('.').slice(1)].join('.')}=${value}`
}
