import { EXPERIMENT_KEYS } from './schema.ts'

type Key = (typeof EXPERIMENT_KEYS)[number]

export interface KeyGroup {
  readonly title: string
  readonly keys: readonly Key[]
}

const DATA: readonly Key[] = ['env', 'owners', 'dataset', 'data', 'images', 'validation', 'normalise']
const MODEL: readonly Key[] = ['model', 'init']
const ROUNDS: readonly Key[] = [
  'merge',
  'server',
  'head',
  'pace',
  'speeds',
  'participants',
  'privacy',
  'rounds',
  'stop-at',
  'stop-after',
  'evaluate-every',
  'baseline',
]
const RUN: readonly Key[] = [
  'seed',
  'name',
  'out',
  'engine',
  'device',
  'layout',
  'workers',
  'keep',
  'keep-every',
  'expect',
]

function titleOf(key: Key): string {
  if (DATA.includes(key)) return 'Data and owners'
  if (MODEL.includes(key)) return 'Model'
  if (ROUNDS.includes(key)) return 'Rounds and merging'
  if (RUN.includes(key)) return 'Run'
  return 'Training at each owner'
}

const TITLES = ['Data and owners', 'Model', 'Training at each owner', 'Rounds and merging', 'Run']

/** All keys of an experiment, grouped and ordered as people read them: in --help, in a new file, in `config show`. */
export const KEY_GROUPS: readonly KeyGroup[] = TITLES.map((title) => ({
  title,
  keys: EXPERIMENT_KEYS.filter((key) => titleOf(key) === title),
}))
