import { z } from 'zod'
import type { HeadPart } from './head.ts'

export const none = {
  summary: 'the last layer as it was trained and merged',
  source: 'Lee 2021, section III',
  options: z.strictObject({}),
  make: () => undefined,
} satisfies HeadPart
