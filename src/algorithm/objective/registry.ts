import { crossEntropy } from './cross-entropy.ts'
import { fedprox } from './fedprox.ts'
import type { ObjectivePart } from './objective.ts'

/** Every local objective, by the name that `--objective` takes. */
export const OBJECTIVES = { 'cross-entropy': crossEntropy, fedprox } satisfies Record<string, ObjectivePart>
