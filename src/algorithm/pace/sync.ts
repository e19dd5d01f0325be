import { z } from 'zod'
import type { PacePart } from './pace.ts'

export const sync = {
  summary: 'a round waits for all owners',
  source: 'Lee 2021, section III; McMahan et al. 2017 (arXiv:1602.05629), algorithm 1',
  options: z.strictObject({}),
  make: () => undefined,
} satisfies PacePart
