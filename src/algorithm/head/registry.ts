import type { HeadPart } from './head.ts'
import { lda } from './lda.ts'
import { none } from './none.ts'
import { ridge } from './ridge.ts'

/** Every head that can be fitted to a unified model, by the name that `--head` takes. */
export const HEADS = { none, ridge, lda } satisfies Record<string, HeadPart>
