import { type OwnerLabels, soleClasses } from '../sole-classes.ts'
import { fixedPointFor } from './fixed-point.ts'

/** What decides what masks do and do not for an experiment. */
export interface MaskedSetting {
  /** In a sum. */
  readonly owners: number
  readonly range: number
  readonly threshold: number | undefined
  readonly labels: OwnerLabels
  readonly classNames: readonly string[]
  readonly testSeed: number | undefined
  /** Whether a head is fitted to sums of their own. */
  readonly head?: boolean
}

/** What masks do and do not in this very experiment, a sentence or two each. */
export function maskWords(setting: MaskedSetting): string[] {
  const { owners, range, threshold, testSeed, head } = setting
  const { bits, scale } = fixedPointFor(owners, range)
  const level = (1 / scale).toExponential(1)
  const who = threshold === undefined ? `all ${owners} owners` : `at least ${threshold} of ${owners} owners`
  const own = soleOwners(setting)
  return [
    `Masked sums: the server learns the sum of the updates of ${who}, and nothing else of one. A change has ${bits} bits; a level is ${level}.`,
    owners === 2
      ? 'Masks protect the two owners from the server alone: the sum less its own update tells each the update of the other.'
      : `Each owner can work out the sum of the other ${owners - 1}; all of these together know its update.`,
    ...(head
      ? ["The head's sums are masked too, by keys of their own: the server learns those of all owners together, among them the images of each class."] // biome-ignore format: one line
      : []),
    ...(own.length > 0
      ? [`${capital(listed(own))}: how the last layer changes for such a class shows one owner's part, in the sum too.`]
      : []),
    ...(own.length > 0 && head
      ? ["Of such a class the head's sums show how many images that owner has, and their mean features."]
      : []),
    ...(testSeed === undefined ? [] : [`Masks are drawn from insecure-test-seed ${testSeed}: they protect nobody.`]),
  ]
}

const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1)

/** Classes that one owner alone has, in words. */
const soleOwners = ({ labels, classNames }: MaskedSetting): string[] =>
  soleClasses(labels).map(({ owner, classes }) => {
    const names = classes.map((c) => classNames[c])
    return `owner ${owner} alone has ${names.length > 3 ? `${names.length} classes` : names.join(', ')}`
  })

const listed = (owners: readonly string[]) =>
  owners.length > MOST ? `${owners.slice(0, MOST).join(', ')} and so on` : owners.join(', ')

/** Owners that are named. */
const MOST = 3
