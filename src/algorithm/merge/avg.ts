import { mean } from './mean.ts'
import { streamingRule } from './streaming.ts'

export const avg = streamingRule(
  { name: 'avg', summary: "mean of the owners' weights", source: 'Lee 2021, eq. 4' },
  mean(() => 1),
)
