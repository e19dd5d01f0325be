import { EVENTS, MODELS, TABLES } from './tables.ts'

/** What a run leaves in its folder, beside a copy of each merge rule of the user's own. */
export const RUN_FILES: readonly string[] = [
  'config.yaml',
  'manifest.json',
  'checkpoint.safetensors',
  ...TABLES.map(({ file }) => file),
  EVENTS,
  ...MODELS,
]

/** Where those copies are. */
export const RULES = 'rules'

/** Whether an entry of a run folder is one that a run left there. */
export const isRunFile = (name: string): boolean => RUN_FILES.includes(name) || name === RULES || name.startsWith('.')
