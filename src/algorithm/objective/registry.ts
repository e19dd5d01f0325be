import { balancedSoftmax } from './balanced-softmax.ts'
import { crossEntropy } from './cross-entropy.ts'
import { fedcm } from './fedcm.ts'
import { feddyn } from './feddyn.ts'
import { fedlc } from './fedlc.ts'
import { fedntd } from './fedntd.ts'
import { fedprox } from './fedprox.ts'
import { fedrs } from './fedrs.ts'
import { labelSmoothing } from './label-smoothing.ts'
import type { ObjectivePart } from './objective.ts'
import { scaffold } from './scaffold.ts'
import { vacantClasses } from './vacant-classes.ts'

/** Every local objective, by the name that `--objective` takes. */
export const OBJECTIVES = {
  'cross-entropy': crossEntropy,
  fedprox,
  scaffold,
  feddyn,
  fedcm,
  fedrs,
  fedlc,
  'balanced-softmax': balancedSoftmax,
  fedntd,
  'vacant-classes': vacantClasses,
  'label-smoothing': labelSmoothing,
} satisfies Record<string, ObjectivePart>
