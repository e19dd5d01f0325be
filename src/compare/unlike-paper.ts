import { thousands } from '../format.ts'
import type { PresetName } from '../model/presets.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { imagesIn, withoutMetrics } from '../runs/run-description.ts'

/** Our readings of the network that the paper draws. */
const PAPER_MODELS = ['cnn', 'cnn-small'] as const satisfies PresetName[]

const PAPER_IMAGES = 70_000

/** Why the accuracies of a run are not comparable with the paper's; empty if they are. */
export const unlikePaper = (run: LoadedRun): string[] => [
  ...otherThanPaper(run),
  ...(run.finished ? [] : [`only ${run.rounds} of ${run.manifest.config.rounds} rounds are done`]),
]

/** What a run was set up to do otherwise. */
export function otherThanPaper({ manifest: { config, shards } }: LoadedRun): string[] {
  const { model, validation } = config
  const images = imagesIn(shards)
  const silent = withoutMetrics(shards).length
  return [
    !PAPER_MODELS.some((name) => name === model) &&
      `the model is ${typeof model === 'string' ? model : 'one of its own'}, not the paper’s CNN`,
    silent > 0 && `tested on the images of ${shards.length - silent} of ${shards.length} owners`,
    validation !== undefined && 'tested on validation images, held out of the training images',
    silent === 0 &&
      validation === undefined &&
      images < PAPER_IMAGES &&
      `trained and tested on ${thousands(images)} of the ${thousands(PAPER_IMAGES)} images`,
  ].filter((reason) => reason !== false)
}
