import { z } from 'zod'
import type { AttackPart } from './attack.ts'

export const none = {
  summary: 'all owners train on their own images and hand in what they have trained',
  source: 'Lee 2021, section III',
  options: z.strictObject({}),
  make: () => undefined,
} satisfies AttackPart
