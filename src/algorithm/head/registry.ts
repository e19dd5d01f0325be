import { type Choice, make } from '../../parts.ts'
import type { Head, HeadPart } from './head.ts'
import { lda } from './lda.ts'
import { none } from './none.ts'
import { ridge } from './ridge.ts'

/** Every head that can be fitted to a unified model, by the name that `--head` takes. */
export const HEADS = { none, ridge, lda } satisfies Record<string, HeadPart>

/** The head that an experiment chooses; undefined if none is fitted. */
export const chosenHead = (choice: Choice<typeof HEADS> | undefined): Head | undefined => choice && make(HEADS, choice)
