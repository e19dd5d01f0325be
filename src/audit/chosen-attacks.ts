import { items } from '../config/parts/choice.ts'
import { readPart } from '../config/parts/read-part.ts'
import { describeProblem, first } from '../config/problem.ts'
import { unknownName } from '../errors.ts'
import { type AnyChoice, choiceText, nameOf, type Parts } from '../parts.ts'
import type { Attack } from './attack.ts'
import { AUDIT_ATTACKS } from './registry.ts'

/** Every attack of the registry, with its defaults. */
export const ALL_ATTACKS = 'all'

export interface ChosenAttack {
  readonly name: string
  /** With its options, as a command line takes it. */
  readonly text: string
  readonly attack: Attack
}

const PARTS: Parts = AUDIT_ATTACKS

/**
 * Attacks as `--attack` names them: `membership-inference:shadows=4,label-inference`, each name once.
 * @throws FedunifyError (usage) if one is none, or has an option that is not legal
 */
export function chosenAttacks(text: string): ChosenAttack[] {
  const asked = (items(text) ?? []).map(String)
  const written = asked.flatMap((item) => (item === ALL_ATTACKS ? Object.keys(PARTS) : [item]))
  const chosen = new Map<string, ChosenAttack>()
  for (const item of written) {
    const one = chosenAttack(item)
    if (item === one.name && chosen.has(one.name)) continue
    chosen.set(one.name, one)
  }
  return [...chosen.values()]
}

function chosenAttack(item: string): ChosenAttack {
  const place = '--attack'
  const read = readPart(PARTS, item, place)
  if (!read) throw unknownName('attack', item.replace(/:.*/s, ''), [...Object.keys(PARTS), ALL_ATTACKS])
  const part = PARTS[read.name]!
  const unknown = Object.keys(read.options).find((option) => !Object.hasOwn(part.options.shape, option))
  if (unknown !== undefined) throw unknownName(`option of ${read.name}`, unknown, Object.keys(part.options.shape))
  const parsed = part.options.safeParse(read.options, { reportInput: true })
  if (!parsed.success)
    throw describeProblem(first(parsed.error.issues), (path) => `${place} ${[read.name, ...path].join(':')}`)
  const choice: AnyChoice = Object.keys(read.options).length === 0 ? read.name : { [read.name]: read.options }
  return { name: nameOf(choice), text: choiceText(choice), attack: part.make(parsed.data) as Attack }
}
