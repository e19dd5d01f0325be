import { FedunifyError } from '../../errors.ts'
import { shardsByLabel } from './split.ts'
import type { Partition } from './types.ts'

/** Environment H: no label is shared. Fashion-MNIST gives each owner 30,000 + 5,000 images of five labels. */
export const H: Partition = {
  name: 'H',
  summary: 'two owners: the lower half of the labels to owner 1, the upper half to owner 2',
  source: 'Lee 2021, environment H (doi:10.9708/jksci.2021.26.12.069)',
  split(labels, options) {
    if (options.owners !== 2) {
      throw new FedunifyError(
        'usage',
        `partition H is for exactly 2 owners, got ${options.owners}`,
        'use partition labels, with a list of labels for each owner',
      )
    }
    const all = Array.from({ length: options.classes }, (_, label) => label)
    const half = Math.ceil(options.classes / 2)
    return shardsByLabel('H', labels, [all.slice(0, half), all.slice(half)], options)
  },
}
