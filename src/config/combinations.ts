import { isMapping, omit } from './mapping.ts'
import { items } from './parts/choice.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Whether a key has nothing to do in a combination of the matrix. */
type Idle = (key: string) => boolean

/** A value of each key of the matrix that has something to do. */
interface Combination {
  readonly combination: Readonly<Record<string, unknown>>
  readonly idle: Idle
}

/**
 * Every combination once, without the keys that have nothing to do in it.
 * @param offered all values that any source has in its matrix
 */
export function combinations(
  matrix: Readonly<Record<string, readonly unknown[]>>,
  offered: Readonly<Record<string, readonly unknown[]>>,
  vocabulary: Vocabulary,
): Combination[] {
  const idleIn = optionsOfOthers(offered, vocabulary)
  const all = Object.entries(matrix).reduce<Record<string, unknown>[]>(
    (some, [key, values]) => some.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  )
  const working = all.map((one): Combination => {
    const idle = idleIn(one)
    return { combination: omit(one, idle), idle }
  })
  // A value that is there twice is a slip, which `planBatch` tells of.
  const left = new Set<string>()
  return working.filter(({ combination }, i) => {
    const text = JSON.stringify(combination)
    const shorter = Object.keys(combination).length < Object.keys(all[i]!).length
    const again = shorter && left.has(text)
    left.add(text)
    return !again
  })
}

/**
 * Options of parts that other runs of the matrix choose, and this one does not: there they count, here they have
 * nothing to do.
 */
function optionsOfOthers(
  matrix: Readonly<Record<string, readonly unknown[]>>,
  { options }: Vocabulary,
): (combination: Readonly<Record<string, unknown>>) => Idle {
  const named = new Map(Object.entries(matrix).map(([key, values]) => [key, namesIn(values)]))
  const offered = options.filter(({ key, part }) => named.get(key)?.includes(part))
  const keys = [...new Set(offered.map(({ key }) => key))]
  return (combination) => {
    const chosen = new Map(keys.map((key) => [key, namesIn([combination[key]])]))
    const others = offered.filter(({ key, part }) => !chosen.get(key)!.includes(part))
    return (key) => others.some(({ short, long }) => key === short || key === long)
  }
}

/** Names of parts among the values of a key, each a name, a list, or a mapping by name. */
const namesIn = (values: readonly unknown[]): string[] =>
  values.flatMap((value) =>
    (items(value) ?? []).map((item) => (isMapping(item) ? Object.keys(item)[0]! : String(item).split(':')[0]!)),
  )
