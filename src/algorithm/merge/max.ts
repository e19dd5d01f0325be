import { choice } from './choice.ts'
import { streamingRule } from './streaming.ts'

export const max = streamingRule(
  { name: 'max', summary: 'largest value of each weight', source: 'Lee 2021, eq. 5' },
  choice('max'),
)
