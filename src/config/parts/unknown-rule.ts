import { z } from 'zod'
import type { Part } from '../../parts.ts'

/** Stands for a merge rule of the user's own whose file is not loaded: its options may be anything. */
export function unknownRule(options: readonly string[]): Part {
  return {
    summary: 'a rule that is not loaded',
    source: 'unknown',
    options: z.strictObject(Object.fromEntries(options.map((option) => [option, z.unknown()]))),
    make() {
      throw new Error('the rule is not loaded')
    },
  }
}
