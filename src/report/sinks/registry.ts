import { ndjson } from './ndjson.ts'
import type { SinkPart } from './sink-part.ts'

/** Every sink that a command line can choose, by the name that `--sink` takes. */
export const SINKS = { ndjson } satisfies Record<string, SinkPart>
