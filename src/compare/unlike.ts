import { thousands } from '../format.ts'
import type { ComparedRound, Side } from './side.ts'

/** The letter that stands for a side. */
export const letter = (i: number): string => (i < 26 ? String.fromCharCode(65 + i) : `S${i + 1}`)

/**
 * Why figures of sides that stand beside each other do not compare, whatever their settings: another model, other images,
 * unfinished runs, another round at the end, something else than the paper did.
 */
export function unlikeSides(sides: readonly Side[], rounds: readonly ComparedRound[]): string[] {
  const paper = sides.findIndex(({ made }) => made === undefined)
  const runs = sides.flatMap(({ made }, i) => (made ? [{ made, name: letter(i) }] : []))
  const [first, ...others] = runs
  return [
    ...sides.flatMap(({ warnings }) => warnings),
    ...(first ? against(first.name, others, ({ made }) => unlikeRuns(first, made)) : []),
    ...(paper < 0 ? [] : against(letter(paper), runs, ({ made }) => made.unlikePaper)),
    ...(rounds.includes('end') ? otherEnds(sides) : []),
  ]
}

interface Named {
  readonly made: NonNullable<Side['made']>
  readonly name: string
}

/** A line for each list of reasons, and the sides that have these. */
function against(other: string, sides: readonly Named[], reasons: (side: Named) => readonly string[]): string[] {
  const byReasons = new Map<string, string[]>()
  for (const side of sides) {
    const why = reasons(side).join('; ')
    byReasons.set(why, [...(byReasons.get(why) ?? []), side.name])
  }
  byReasons.delete('')
  return [...byReasons].map(
    ([why, names]) => `${names.join(', ')} ${names.length > 1 ? 'do' : 'does'} not compare with ${other}: ${why}`,
  )
}

function unlikeRuns({ made: one, name }: Named, two: Named['made']): string[] {
  return [
    one.dataset !== two.dataset && `another dataset, ${two.dataset} (${name}: ${one.dataset})`,
    one.validation !== two.validation && `tested on ${testedOn(two)} (${name}: ${testedOn(one)})`,
    one.validation === two.validation &&
      one.images !== two.images &&
      `${thousands(two.images)} images (${name}: ${thousands(one.images)})`,
    one.model !== two.model && `another model, ${modelText(two)} parameters (${name}: ${modelText(one)})`,
  ].filter((reason) => reason !== false)
}

const testedOn = ({ validation }: Named['made']): string =>
  validation === undefined ? 'test images' : `validation images, ${validation} of those to train on`

/** mlp of 101,770; 12 layers of 421,642 */
function modelText({ model, parameters }: Named['made']): string {
  const layers: unknown = JSON.parse(model)
  return `${Array.isArray(layers) ? `${layers.length} layers` : layers} of ${thousands(parameters)}`
}

/** The last rounds of sides that were not equally long. */
function otherEnds(sides: readonly Side[]): string[] {
  const ends = [...new Set(sides.map(({ end }) => end))]
  if (ends.length === 1) return []
  const of = (end: string) => sides.flatMap((side, i) => (side.end === end ? [letter(i)] : [])).join(', ')
  return [`"end" is not the same round: ${ends.map((end) => `${end} (${of(end)})`).join(', ')}`]
}
