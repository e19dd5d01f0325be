import { type AnyChoice, nameOf, optionsOf, withDefaults } from '../parts.ts'
import type { WeightPool } from '../weights/pool.ts'
import { copyWeights, type Weights } from '../weights/weights.ts'
import type { State } from './algorithm.ts'
import { type MergeChoice, mergeRule } from './merge/own-rule.ts'
import { startMerge } from './merge/start-merge.ts'

/** How many rounds a rule merges the unified models of; undefined if it merges owners' models. */
export function lastOf(choice: AnyChoice): number | undefined {
  const rule = mergeRule(choice)
  return rule.last?.(withDefaults(rule, optionsOf(choice)))
}

/** The unified models of earlier rounds that such rules need: `1` is the last round's, `2` the one before, … */
export class EarlierModels {
  readonly #rules: readonly MergeChoice[]
  readonly #pool: WeightPool
  readonly #slots: readonly string[]

  /** @param rules of which those are passed over that merge owners' models */
  constructor(rules: readonly MergeChoice[], pool: WeightPool) {
    this.#rules = rules.filter((rule) => lastOf(rule) !== undefined)
    this.#pool = pool
    const most = Math.max(1, ...this.#rules.map((rule) => lastOf(rule)!))
    this.#slots = Array.from({ length: most - 1 }, (_, i) => String(i + 1))
  }

  /** A checkpoint has every slot from the first; what is in it counts once there were so many rounds. */
  start(initial: Weights): State {
    return Object.fromEntries(this.#slots.map((slot) => [slot, initial]))
  }

  /**
   * @param model of this round; it is copied
   * @returns what each rule makes, by its name, in memory of the pool, and the next state
   */
  step(state: State, model: Weights, round: number): { models: ReadonlyMap<string, Weights>; state: State } {
    const before = this.#slots.map((slot) => state[slot]!)
    const models = [model, ...before.slice(0, round - 1)]
    const merged = this.#rules.map((rule): [string, Weights] => {
      const merge = startMerge(rule, { pool: this.#pool, round })
      for (const [i, weights] of models.slice(0, lastOf(rule)).entries()) {
        merge.add({ owner: i + 1, trainImages: 1, weights })
      }
      return [nameOf(rule), merge.finish()]
    })
    const kept = this.#slots.length > 0 ? [copyWeights(model), ...before] : []
    const next = Object.fromEntries(this.#slots.map((slot, i) => [slot, kept[i]!]))
    return { models: new Map(merged), state: next }
  }
}
