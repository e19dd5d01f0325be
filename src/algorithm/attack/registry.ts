import type { AttackPart } from './attack.ts'
import { labelFlip } from './label-flip.ts'
import { noise } from './noise.ts'
import { none } from './none.ts'
import { signFlip } from './sign-flip.ts'

/** Every attack of hostile owners, by the name that `--attack` takes. */
export const ATTACKS = {
  none,
  'sign-flip': signFlip,
  noise,
  'label-flip': labelFlip,
} satisfies Record<string, AttackPart>
