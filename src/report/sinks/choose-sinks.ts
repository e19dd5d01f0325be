import { z } from 'zod'
import { choices, items } from '../../config/parts/choice.ts'
import { readPart } from '../../config/parts/read-part.ts'
import { describeProblem, first } from '../../config/problem.ts'
import { make } from '../../parts.ts'
import type { Sink } from '../../run/sinks.ts'
import { SINKS } from './registry.ts'
import type { SinkOutput } from './sink-part.ts'

/**
 * The sinks that `--sink` names: `ndjson`, `ndjson:file=events.ndjson`, or several with commas.
 * @throws FedunifyError (usage) if a name or an option is not legal
 */
export function chooseSinks(written: readonly string[], output: SinkOutput): Sink[] {
  const named = written
    .flatMap((text) => items(text) ?? [])
    .map((item) => {
      const part = readPart(SINKS, item, '--sink')
      return part ? { [part.name]: part.options } : item
    })
  if (named.length === 0) return []
  const parsed = z.object({ sink: choices(SINKS) }).safeParse({ sink: named }, { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), () => '--sink')
  return parsed.data.sink.map((choice) => make(SINKS, choice)(output))
}
