import { DISCLOSURE, EVENTS, MODELS, TABLES } from './tables.ts'

/** The experiment of a run, as a file. */
export const CONFIG = 'config.yaml'

/** What a run goes on from. */
export const CHECKPOINT = 'checkpoint.safetensors'

/** Where a run folder keeps copies of merge rules of the user's own. */
export const RULES = 'rules'

/** Large files, and code: who publishes a run may leave them out. No figure is read from them. */
export const mayLack = (file: string): boolean => [CHECKPOINT, ...MODELS, RULES].includes(file.replace(/\/.*/, ''))

/** What a run leaves in its folder, beside a copy of each merge rule of the user's own. */
export const RUN_FILES: readonly string[] = [
  CONFIG,
  'manifest.json',
  CHECKPOINT,
  ...TABLES.map(({ file }) => file),
  DISCLOSURE,
  EVENTS,
  ...MODELS,
]

/** Whether an entry of a run folder is one that a run left there, or works with. */
export const isRunFile = (name: string): boolean => [...RUN_FILES, RULES].includes(name) || name.startsWith('.')
