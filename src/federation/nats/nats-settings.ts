import type { MaskedRule } from '../../algorithm/masked-plan.ts'
import type { Identities } from '../../privacy/masks/signed-key.ts'
import type { OwnerCard } from '../cohort.ts'
import type { StatisticsBounds } from './read-statistics.ts'
import type { UpdateBounds } from './read-update.ts'

/** What an owner has said of itself. */
export interface Card extends OwnerCard {
  /** Whether it shares how many images it has of each class. */
  readonly labels: boolean
  /** Its training images of each class, if it shares that. */
  readonly trainLabels: readonly number[] | undefined
}

export interface MaskSettings {
  readonly rule: MaskedRule
  /** Owners that must stay to the end of a round; undefined: all. */
  readonly threshold: number | undefined
  /** By which the owners are known. */
  readonly identities: Identities
  /** Of the features that a head's sums hold; undefined if none is fitted. */
  readonly headRange?: number | undefined
}

export interface NatsCohortSettings
  extends Omit<UpdateBounds, 'base' | 'trainImages' | 'testImages' | 'labels' | 'evaluate'> {
  readonly run: string
  /** Seconds in which an owner must have answered a task; undefined: any. */
  readonly deadline: number | undefined
  /** How many owners must answer in time; all, if none may be absent. */
  readonly minOwners: number
  readonly cards: readonly Card[]
  /** Whether a round does not wait for all: owners train and score at the same time. */
  readonly real: boolean
  /** How updates are masked; undefined if they are not. */
  readonly masks: MaskSettings | undefined
  /** The sizes of the sums of a head; undefined if none is fitted. */
  readonly sums: StatisticsBounds['sizes'] | undefined
}

/** Whether an owner tells how good a model is. */
export const shares = ({ testImages }: OwnerCard): boolean => testImages !== undefined
