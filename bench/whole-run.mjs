import { alone, file, flags } from './children.mjs'
import { inFolder } from './folder.mjs'

/**
 * A whole `fedunify run` in a folder that is removed.
 * @param {(threads: number, command: string[]) => string[]} pin
 * @param {string[]} options of `fedunify run`, in two workers
 * @param read what else is wanted of the run folder
 * @returns what fedunify-run.mjs prints, and what was read
 */
export const fedunifyRun = (pin, options, read = async () => ({})) =>
  inFolder(async (out) => {
    const place = flags({ out, name: 'bench', 'run-id': 'run' })
    const printed = await alone(pin(2, [process.execPath, file('fedunify-run.mjs'), ...options, ...place]))
    return { ...(await read(`${out}/bench/run`)), ...printed }
  })
