import { FedunifyError } from '../../errors.ts'
import { assertOwners, shardsByLabel } from './split.ts'
import type { Partition, PartitionOptions } from './types.ts'

/** Environment H with the labels of any number of owners spelled out. */
export const labels: Partition = {
  name: 'labels',
  summary: 'each owner has every image of the labels listed for it, and no label is in two lists',
  source: 'Lee 2021, environment H (doi:10.9708/jksci.2021.26.12.069), for any lists of labels',
  split(labelOf, options) {
    const lists = assertLists(labelOf, options)
    return shardsByLabel('labels', labelOf, lists, options)
  },
}

function assertLists(labelOf: Uint8Array, options: PartitionOptions): readonly (readonly number[])[] {
  const { owners, classes, labels: lists, indices } = options
  assertOwners(owners)
  if (!lists) throw misfit('no list of labels is given', 'give one list per owner')
  if (lists.length !== owners)
    throw misfit(`${lists.length} lists of labels for ${owners} owners`, 'give one per owner')

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
  if (orphans.length === 0) return lists
  const what = orphans.length === 1 ? `label ${orphans[0]} is` : `labels ${orphans.join(', ')} are`
  throw misfit(`${what} in the data, but in none of the lists of owners 1 to ${owners}`, 'give every label an owner')
}

function misfit(fault: string, hint: string): FedunifyError {
  return new FedunifyError('usage', `partition labels: ${fault}`, hint)
}
