import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of this package: one above src, and above what src becomes. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const { version, engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

export const VERSION: string = version
/** The versions of Node that it runs on. */
export const NODE_RANGE: string = engines.node
