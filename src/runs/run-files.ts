import { OWNERS } from './kept-files.ts'
import { DISCLOSURE, EVENTS, HEAD_MODELS, MODELS, TABLES, type Table, type Tabled, tablesOf } from './tables.ts'

/** The experiment of a run, as a file. */
export const CONFIG = 'config.yaml'

/** What a run is, and what has become of it. */
export const MANIFEST = 'manifest.json'

/** What a run goes on from. */
export const CHECKPOINT = 'checkpoint.safetensors'

/** Where a run folder keeps copies of merge rules of the user's own. */
export const RULES = 'rules'

const ALL_MODELS: readonly string[] = [...MODELS, ...HEAD_MODELS]

/** Large files, and code: who publishes a run may leave them out. No figure is read from them. */
export const mayLack = (file: string): boolean =>
  [CHECKPOINT, ...ALL_MODELS, RULES, OWNERS].includes(file.replace(/\/.*/, ''))

const growing = (tables: readonly Table[]): readonly string[] => [...tables.map(({ file }) => file), DISCLOSURE, EVENTS]

/** Files of runs that grow with the rounds. */
export const GROWING = growing(TABLES)

/** Those of a run. */
export const growingOf = (config: Tabled): readonly string[] => growing(tablesOf(config))

/** What a run leaves in its folder, beside a copy of each merge rule of the user's own and weights that it keeps. */
export const RUN_FILES: readonly string[] = [CONFIG, MANIFEST, CHECKPOINT, ...GROWING, ...ALL_MODELS]

/** The page about a run or a batch, in its folder. */
export const REPORT = 'report.html'

/** What fedunify explain, remerge and audit found out about a run. */
export const ANALYSES = ['explain.json', 'remerge.json', 'audit.json'] as const

/** Whether an entry of a run folder is of that run alone: it left it there, or works with it, or it was found out later. */
export const isRunFile = (name: string): boolean =>
  [...RUN_FILES, RULES, OWNERS, ...ANALYSES].includes(name) || name.startsWith('.')
