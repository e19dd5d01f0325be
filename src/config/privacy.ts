import { unsoundMasks } from './privacy-masks.ts'
import { unsoundNoise, unsoundOwnerNoise } from './privacy-noise.ts'
import { unsoundRecordNoise } from './privacy-record.ts'
import type { Experiment } from './schema.ts'
import type { UnsoundKey } from './unsound.ts'

type Asked = Omit<Experiment, 'name' | 'workers'>

/** What an experiment cannot ask for under `privacy`, or beside it, and why. */
export function unsoundPrivacy(experiment: Asked): UnsoundKey | undefined {
  const { privacy } = experiment
  if (!privacy) return undefined
  if (
    !privacy.masks &&
    privacy.level === undefined &&
    Object.keys(privacy).every((key) => key === 'insecure-test-seed')
  ) {
    return {
      key: 'privacy',
      why: 'privacy asks for neither masks nor noise',
      hint: 'add masks: {} or level, or leave it out',
    }
  }
  return (
    unsoundNoise(experiment) ??
    unsoundOwnerNoise(experiment) ??
    unsoundRecordNoise(experiment) ??
    unsoundMasks(experiment)
  )
}
