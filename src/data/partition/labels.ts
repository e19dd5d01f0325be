import { z } from 'zod'
import { FedunifyError } from '../../errors.ts'
import { shardsByLabel } from './split.ts'
import type { PartitionPart, SplitRequest } from './types.ts'

type Lists = readonly (readonly number[])[]

/** Environment H with the labels of any number of owners spelled out. */
export const labels = {
  summary: 'each owner has every image of the labels listed for it, and no label is in two lists',
  source: 'Lee 2021, environment H (doi:10.9708/jksci.2021.26.12.069), for any lists of labels',
  options: z.strictObject({
    lists: z
      .array(z.array(z.int().min(0).max(255)).max(256))
      .min(2)
      .max(10_000)
      .describe('the labels of each owner')
      .meta({
        short: 'labels',
        examples: [
          [
            [0, 1, 2, 3, 4],
            [5, 6, 7, 8, 9],
          ],
        ],
      }),
  }),
  make: ({ lists }) => ({
    owners: lists.length,
    split(labelOf, request) {
      assertLists(lists, labelOf, request)
      return shardsByLabel('labels', labelOf, lists, request)
    },
  }),
} satisfies PartitionPart<{ lists: number[][] }>

/** @throws FedunifyError `usage` unless every label of the images is in exactly one list */
function assertLists(lists: Lists, labelOf: Uint8Array, { classes, indices }: SplitRequest): void {
  const ownerOf = new Map<number, number>()
  lists.forEach((list, i) => {
    const owner = i + 1
    if (list.length === 0) throw misfit(`the list of owner ${owner} is empty`, 'every owner needs at least one label')
    for (const label of list) {
      if (!Number.isInteger(label) || label < 0 || label >= classes) {
        throw misfit(`label ${label} of owner ${owner} is out of range`, `labels go from 0 to ${classes - 1}`)
      }
      const other = ownerOf.get(label)
      if (other === owner) throw misfit(`label ${label} is listed twice for owner ${owner}`, 'list it once')
      if (other)
        throw misfit(`label ${label} is listed for owner ${other} and for owner ${owner}`, 'keep it in one list')
      ownerOf.set(label, owner)
    }
  })

  const present = new Set(Array.from(indices, (index) => labelOf[index]!))
  const orphans = [...present].filter((label) => !ownerOf.has(label)).sort((a, b) => a - b)
  if (orphans.length === 0) return
  const what = orphans.length === 1 ? `label ${orphans[0]} is` : `labels ${orphans.join(', ')} are`
  throw misfit(
    `${what} in the data, but in none of the lists of owners 1 to ${lists.length}`,
    'give every label an owner',
  )
}

function misfit(fault: string, hint: string): FedunifyError {
  return new FedunifyError('E_PARTITION', `partition labels: ${fault}`, hint)
}
