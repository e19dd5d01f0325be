import { choice } from './choice.ts'
import { streamingRule } from './streaming.ts'

/**
 * The reading of eq. 6 under which the paper's tables come out: magnitude selects, the sign stays. At equal
 * magnitude and opposite sign the positive value wins, so that the owners' order does not matter.
 */
export const absmax = streamingRule(
  {
    name: 'absmax',
    summary: 'value of largest magnitude of each weight, with its sign',
    source: 'Lee 2021, eq. 6, signed',
  },
  choice('absmax'),
)
