import type { Unsound } from '../algorithm/objective/setting.ts'

/** What an experiment cannot ask for, at which key, why, and what to do. */
export interface UnsoundKey extends Unsound {
  readonly key: string
}
