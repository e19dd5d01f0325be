import type { ObjectivePart } from '../../src/algorithm/objective/objective.ts'

export const stateful: ObjectivePart
