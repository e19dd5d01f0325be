import type { AttackPart } from './attack.ts'
import { gradientInversion } from './inversion/gradient-inversion.ts'
import { labelInference } from './labels/label-inference.ts'
import { membershipInference } from './membership/membership-inference.ts'
import { propertyInference } from './property-inference.ts'

/** Every attack of an audit, by the name that `fedunify audit --attack` takes. */
export const AUDIT_ATTACKS = {
  'label-inference': labelInference,
  'membership-inference': membershipInference,
  'gradient-inversion': gradientInversion,
  'property-inference': propertyInference,
} satisfies Record<string, AttackPart>
