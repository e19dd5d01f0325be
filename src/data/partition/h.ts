import { z } from 'zod'
import { shardsByLabel } from './split.ts'
import type { PartitionPart } from './types.ts'

/** Environment H: no label is shared. Fashion-MNIST gives each owner 30,000 + 5,000 images of five labels. */
export const H = {
  summary: 'two owners: the lower half of the labels to owner 1, the upper half to owner 2',
  source: 'Lee 2021, environment H (doi:10.9708/jksci.2021.26.12.069)',
  options: z.strictObject({}),
  make: () => ({
    owners: 2,
    split(labels, request) {
      const all = Array.from({ length: request.classes }, (_, label) => label)
      const half = Math.ceil(request.classes / 2)
      return shardsByLabel('H', labels, [all.slice(0, half), all.slice(half)], request)
    },
  }),
} satisfies PartitionPart
