import { adam } from './adam.ts'
import { avgm } from './avgm.ts'
import { none } from './none.ts'
import type { ServerStep } from './server-step.ts'

/** Every server step, by the name that `--server` takes. */
export const SERVER_STEPS = { none, avgm, adam } satisfies Record<string, ServerStep>
