import type { Part } from '../../parts.ts'
import type { Sink } from '../../run/sinks.ts'

/** Where a sink may write besides files of its own. */
export interface SinkOutput {
  /** stdout, made harmless to whoever shows it. */
  out(text: string): void
}

/** Something that listens to a run, by the name that `--sink` takes. */
export type SinkPart<O extends object = object> = Part<O, (output: SinkOutput) => Sink>
