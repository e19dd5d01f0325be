import { ExperimentSchema } from '../config/schema.ts'

/** Where runs are looked for if no folder is named. */
export const RESULTS = ExperimentSchema.shape.out.parse(undefined)
