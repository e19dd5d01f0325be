import { adagrad } from './adagrad.ts'
import { adam } from './adam.ts'
import { avgm } from './avgm.ts'
import { fedexp } from './fedexp.ts'
import { none } from './none.ts'
import type { ServerStep } from './server-step.ts'
import { sgd } from './sgd.ts'
import { yogi } from './yogi.ts'

/** Every server step, by the name that `--server` takes. */
export const SERVER_STEPS = { none, sgd, avgm, adam, yogi, adagrad, fedexp } satisfies Record<string, ServerStep>
