import type { SavedEvaluation, SavedRound } from '../../runs/read/read-events.ts'
import { localSeries, POOLED_SERIES } from '../../runs/series-name.ts'
import type { RunRecord } from '../run-record.ts'
import { type ShownModel, shownModel } from './series.ts'

/** A model after the last round, and which class it took which image for. */
export interface ModelEvaluation extends ShownModel {
  readonly images: number
  readonly correct: number
  readonly classes: number
  /** [true][predicted], row-major; counts are summed over the seeds. */
  readonly confusion: readonly number[]
}

/** The models of a group after the last round of each run that was evaluated: unified ones, pooled, then those of owners that share metrics. */
export function lastModels(runs: readonly RunRecord[]): ModelEvaluation[] {
  const models = new Map<string, ModelEvaluation>()
  for (const { events } of runs) {
    const evaluated = events?.rounds.map(modelsOf).findLast((all) => all.length > 0)
    for (const model of evaluated ?? []) {
      const before = models.get(model.name)
      models.set(model.name, before ? sum(before, model) : model)
    }
  }
  return [...models.values()]
}

function modelsOf({ merges, baseline, locals }: SavedRound): ModelEvaluation[] {
  return [
    ...merges.flatMap(({ merge, unified }) => (unified ? evaluationOf(merge, unified) : [])),
    ...(baseline?.local ? [evaluationOf(POOLED_SERIES, baseline.local)] : []),
    ...locals.flatMap(({ owner, local }) => (local ? evaluationOf(localSeries(owner), local) : [])),
  ]
}

function evaluationOf(series: string, { images, correct, confusion }: SavedEvaluation): ModelEvaluation {
  return { ...shownModel(series), images, correct, classes: Math.round(Math.sqrt(confusion.length)), confusion }
}

function sum(a: ModelEvaluation, b: ModelEvaluation): ModelEvaluation {
  const confusion = a.confusion.map((count, i) => count + b.confusion[i]!)
  return { ...a, images: a.images + b.images, correct: a.correct + b.correct, confusion }
}

/** All local models as one, each judged by its own owner's images: for when single ones have too few, or are too many. */
export function together(locals: readonly ModelEvaluation[]): ModelEvaluation {
  return { ...locals.reduce(sum), name: `local models of ${locals.length} owners`, owner: undefined }
}

/** Images of a class in the model's test set. */
export function imagesOf({ confusion, classes }: ModelEvaluation, label: number): number {
  return confusion.slice(label * classes, (label + 1) * classes).reduce((a, b) => a + b, 0)
}

/** Percent of the images of each class that were recognised; undefined for a class that the test set lacks. */
export function recall(model: ModelEvaluation): (number | undefined)[] {
  return Array.from({ length: model.classes }, (_, label) => {
    const images = imagesOf(model, label)
    return images === 0 ? undefined : (100 * model.confusion[label * model.classes + label]!) / images
  })
}

/** Percent of its test images that a model recognises. */
export const percentOf = ({ correct, images }: ModelEvaluation): number => (100 * correct) / images
