import { chosenHead, type HEADS } from '../algorithm/head/registry.ts'
import type { Choice } from '../parts.ts'
import { HEAD_RANGE } from '../privacy/masks/wide-point.ts'
import type { Privacy } from './privacy-schema.ts'

interface Asked {
  readonly head?: Choice<typeof HEADS> | undefined
  readonly privacy?: Pick<Privacy, 'masks'> | undefined
}

/** If a head is fitted to sums under masks: the largest mean square of a feature that these hold. */
export const headRange = ({ head, privacy }: Asked): number | undefined =>
  privacy?.masks && chosenHead(head) ? (privacy.masks['head-range'] ?? HEAD_RANGE) : undefined
