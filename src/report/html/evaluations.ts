import type { SavedEvaluation, SavedRound } from '../../runs/read/read-events.ts'
import type { RunRecord } from '../load.ts'
import type { Series } from './series.ts'

/** A model after the last round, and which class it took which image for. */
export interface Judged {
  readonly name: string
  readonly kind: Series['kind']
  readonly images: number
  readonly correct: number
  readonly classes: number
  /** [true][predicted], row-major; counts are summed over the seeds. */
  readonly confusion: readonly number[]
}

/** The models of a group after the last round of each run: unified ones, pooled, then every owner's. */
export function lastModels(runs: readonly RunRecord[]): Judged[] {
  const models = new Map<string, Judged>()
  for (const { events } of runs) {
    const last = events?.rounds.at(-1)
    for (const model of last ? modelsOf(last) : []) {
      const before = models.get(model.name)
      models.set(model.name, before ? sum(before, model) : model)
    }
  }
  return [...models.values()]
}

function modelsOf({ merges, baseline, locals }: SavedRound): Judged[] {
  return [
    ...merges.map(({ merge, unified }) => judged(merge, 'unified', unified)),
    ...(baseline ? [judged('pooled', 'pooled', baseline.local)] : []),
    ...locals.map(({ owner, local }) => judged(`owner ${owner}`, 'local', local)),
  ]
}

function judged(name: string, kind: Judged['kind'], { images, correct, confusion }: SavedEvaluation): Judged {
  return { name, kind, images, correct, classes: Math.round(Math.sqrt(confusion.length)), confusion }
}

function sum(a: Judged, b: Judged): Judged {
  const confusion = a.confusion.map((count, i) => count + b.confusion[i]!)
  return { ...a, images: a.images + b.images, correct: a.correct + b.correct, confusion }
}

/** All local models as one, each judged by its own owner's images: where single ones have too few, or are too many. */
export function together(locals: readonly Judged[]): Judged {
  return { ...locals.reduce(sum), name: `local models of ${locals.length} owners` }
}

/** Images of a class in the model's test set. */
export function imagesOf({ confusion, classes }: Judged, label: number): number {
  return confusion.slice(label * classes, (label + 1) * classes).reduce((a, b) => a + b, 0)
}

/** Percent of the images of each class that were recognised; undefined for a class that the test set lacks. */
export function recall(model: Judged): (number | undefined)[] {
  return Array.from({ length: model.classes }, (_, label) => {
    const images = imagesOf(model, label)
    return images === 0 ? undefined : (100 * model.confusion[label * model.classes + label]!) / images
  })
}
