import { choice } from './choice.ts'
import { streamingRule } from './streaming.ts'

/** Eq. 6 as printed. It drops every sign, so a merged network computes next to nothing: accuracy stays at chance. */
export const absmaxLiteral = streamingRule(
  {
    name: 'absmax-literal',
    summary: 'largest magnitude of each weight, the sign dropped as eq. 6 prints it',
    source: 'Lee 2021, eq. 6, as printed',
  },
  choice('magnitude'),
)
