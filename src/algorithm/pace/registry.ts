import { fedasync } from './fedasync.ts'
import { fedbuff } from './fedbuff.ts'
import { lastModels } from './last-models.ts'
import type { PacePart } from './pace.ts'
import { sync } from './sync.ts'

/** Every way in which a server waits for its owners or does not, by the name that `--pace` takes. */
export const PACES = { sync, fedasync, fedbuff, 'last-models': lastModels } satisfies Record<string, PacePart>
