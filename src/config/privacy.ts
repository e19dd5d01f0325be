import { unsoundMasks } from './privacy-masks.ts'

/** What makes no sense of an experiment's privacy, and why. */
export const unsoundPrivacy = (experiment: Parameters<typeof unsoundMasks>[0]) => unsoundMasks(experiment)
