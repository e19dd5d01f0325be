import { paperTableFor } from '../../paper/tables.ts'
import { nameOf } from '../../parts.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { shellWord } from '../../system/shell-word.ts'

/** What one may want to do with a run next: command lines that can be pasted, each with what it does. */
export function nextCommands({ path, manifest: { config, status } }: LoadedRun): [command: string, what: string][] {
  const run = shellWord(path)
  const goesOn = status !== 'finished'
  const inPaper = paperTableFor(nameOf(config.env)) !== undefined
  return [
    ...(goesOn ? [[`fedunify run --resume ${run}`, 'go on after the last complete round'] as const] : []),
    [`fedunify report ${run}`, 'an HTML page with the figures'] as const,
    ...(inPaper ? [[`fedunify compare ${run} paper`, "next to the paper's table"] as const] : []),
    ...(config.expect ? [[`fedunify check ${run}`, 'is what is expected of it met?'] as const] : []),
  ].map(([command, what]) => [command, what])
}
