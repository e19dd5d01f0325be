import { decimals } from '../format.ts'
import type { Confused } from './confused.ts'
import { type Opposition, WHOLE } from './opposition.ts'

/** Accuracies, fractions, that say where a unified model loses. */
export interface Losses {
  readonly unified: number
  /** If each image may only be given a class that its owner holds. */
  readonly limited: number
  /** With a last layer that is fitted to all owners' images, on the model's own features. */
  readonly refitted: number
  /** The same with random features of the last map beside them; undefined if the model has no such. */
  readonly onMap: number | undefined
  /** Of the pooled baseline, if the run has one. */
  readonly pooled: number | undefined
}

/** Percentage points that are worth a word. */
const WORTH = 0.5

/** What the numbers point to, most important first, each on a line. */
export function advice(losses: Losses, confused: Confused, ways: Opposition | undefined): string[] {
  const { unified, limited, refitted, onMap, pooled } = losses
  const points = (to: number) => 100 * (to - unified)
  const lines: { readonly gain: number; readonly line: string }[] = []
  const head = points(refitted)
  const dense = onMap === undefined ? 0 : points(onMap) - Math.max(0, head)
  if (head >= WORTH) {
    lines.push({
      gain: head,
      line: `the last layer loses ${decimals(head)} points of what its features can tell: try --head ridge`,
    })
  }
  if (dense >= WORTH) {
    lines.push({
      gain: dense,
      line: `the dense layers lose ${decimals(dense)} points more of what they are given: try --head ridge:random=1000`,
    })
  }
  if (confused.apart > 0 && confused.errors > 0 && points(limited) >= WORTH) {
    const share = Math.round((100 * confused.apart) / confused.errors)
    lines.push({
      gain: Math.min(points(limited), WORTH),
      line: `${share} % of the errors lie between classes that no owner holds together; with the owner of an image known, accuracy is ${decimals(100 * limited)} %`,
    })
  }
  const whole = ways?.layers.find(({ layer }) => layer === WHOLE)
  if (ways && whole && ways.step > 1) {
    lines.push({
      gain: WORTH,
      line: `the owners pull apart (cosine ${decimals(whole.cosine)}, FedExP's step ${decimals(ways.step)}): try --objective scaffold, or fewer local epochs`,
    })
  }
  if (pooled !== undefined) {
    const best = Math.max(unified, refitted, onMap ?? 0)
    const left = 100 * (pooled - best)
    if (left >= WORTH) {
      lines.push({ gain: 0, line: `${decimals(left)} points to the pooled model are left in the features themselves` })
    }
  }
  if (lines.length === 0) return ['nothing stands out: more rounds, or other settings, come before another method']
  return lines.sort((one, other) => other.gain - one.gain).map(({ line }) => line)
}
