import { z } from 'zod'
import { type AttackPart, hostileOwners } from './attack.ts'

/** A hostile owner trains honestly, on labels that are turned round: y becomes classes - 1 - y. */
export const labelFlip = {
  summary: 'trains on its images with wrong labels: the first class as the last, the second as the last but one, …',
  source: 'Fang et al. 2020 (arXiv:1911.11815), label flipping attack',
  options: z.strictObject({ owners: hostileOwners }),
  make: ({ owners }) => ({
    owners,
    relabel: (classes) => Uint8Array.from({ length: classes }, (_, label) => classes - 1 - label),
  }),
} satisfies AttackPart<{ owners: number }>
