import { sharedPath } from '../../system/shared-path.ts'
import { shellWord } from '../../system/shell-word.ts'
import type { RecordGroup } from '../run-record.ts'
import { analysisFigures } from './analysis/analyses.ts'
import { comparisonBlock } from './block/comparison.ts'
import { disclosureBlock } from './block/disclosure.ts'
import { manifestBlock } from './block/manifest-block.ts'
import { lastModels } from './evaluations.ts'
import { accuracyFigure } from './figure/accuracy.ts'
import { classesFigure } from './figure/classes.ts'
import { confusionDifferences, confusionFigure } from './figure/confusion.ts'
import { differenceFigure } from './figure/difference.ts'
import { driftFigure } from './figure/drift.ts'
import { lossFigure } from './figure/loss.ts'
import { ownTestFigure } from './figure/own-test.ts'
import { privacyFigure } from './figure/privacy.ts'
import { shardsFigure } from './figure/shards.ts'
import { html, type Markup } from './markup.ts'
import { comparablePaper, paperOf } from './verdict.ts'

/** Of owners that share no metrics, no accuracy is known. */
const isScored = ({ runs }: RecordGroup) => runs.some(({ series }) => series.size > 0)

/** What a chapter has where there are too many for all figures of each. */
export function shortChapter(id: string, group: RecordGroup): Markup {
  const own = group.runs.map(({ path }) => shellWord(sharedPath(path))).join(' ')
  return html`${isScored(group) && accuracyFigure(`${id}-accuracy`, group, comparablePaper(group))}
${manifestBlock(`${id}-manifest`, group)}
<p class="muted">All figures: <code>fedunify report ${own}</code></p>`
}

/** The figures about one group. */
export function chapter(id: string, group: RecordGroup): Markup {
  const { runs } = group
  const { manifest } = runs[0]!
  const paper = paperOf(group)
  const models = lastModels(runs)
  const names = manifest.dataset.class_names
  const seeds = runs.map(({ manifest: { config } }) => config.seed)
  // Under masks nobody knows how far the owners' weights lie apart.
  const drifted = runs.some(({ events }) => events?.rounds.some(({ drift }) => Object.keys(drift).length > 0))
  return html`${
    isScored(group) && [
      accuracyFigure(`${id}-accuracy`, group, comparablePaper(group)),
      differenceFigure(`${id}-difference`, group),
      ownTestFigure(`${id}-owners`, group),
      paper && comparisonBlock(`${id}-paper`, group, paper),
      lossFigure(`${id}-loss`, group),
    ]
  }
${
  models.length > 0 && [
    classesFigure(`${id}-classes`, models, names),
    confusionFigure(`${id}-confusion`, models, names, runs.length),
    confusionDifferences(`${id}-confusions`, models, names),
  ]
}
${privacyFigure(`${id}-privacy`, group)}
${drifted && driftFigure(`${id}-drift`, runs)}
${analysisFigures(id, group)}${shardsFigure(`${id}-shards`, manifest.shards, names, seeds)}
${disclosureBlock(`${id}-disclosure`, group)}${manifestBlock(`${id}-manifest`, group)}`
}
