import { z } from 'zod'
import type { ServerStep } from './server-step.ts'

/** x ← merged. */
export const none = {
  summary: 'the merged model as it is',
  source: 'Lee 2021, section III; McMahan et al. 2017 (arXiv:1602.05629), algorithm 1',
  options: z.strictObject({}),
  slots: () => ({}),
  make: () => undefined,
} satisfies ServerStep
