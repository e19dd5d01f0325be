import { createHash } from 'node:crypto'
import { thousands } from '../../format.ts'
import { VERSION } from '../../package.ts'
import { PAPER_DOI } from '../../paper/tables.ts'
import { choiceText, nameOf } from '../../parts.ts'
import type { RecordGroup, RunRecord } from '../run-record.ts'
import { accuracyFigure } from './accuracy.ts'
import { banners } from './banner.ts'
import { classesFigure } from './classes.ts'
import { comparisonBlock } from './comparison.ts'
import { confusionFigure } from './confusion.ts'
import { driftFigure } from './drift.ts'
import { lastModels } from './evaluations.ts'
import { manifestBlock } from './manifest-block.ts'
import { html, Markup } from './markup.ts'
import { overviewFigure, overviewTable } from './overview.ts'
import { SCRIPT } from './script.ts'
import { imagesIn, shardsFigure } from './shards.ts'
import { STYLE } from './style.ts'
import { paperOf, verdictBlock } from './verdict.ts'

/** The report about groups of runs: one HTML file that needs nothing else. The same runs give the same bytes. */
export function reportDocument(groups: readonly RecordGroup[]): string {
  const [first] = groups
  const { config } = first!.runs[0]!.manifest
  const names = [...new Set(groups.map(({ runs }) => runs[0]!.manifest.config.name))]
  const title = names.join(', ')
  const several = groups.length > 1
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const policy = [
    "default-src 'none'",
    `style-src ${hash(STYLE)}`,
    `script-src ${hash(SCRIPT)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const head = several ? `${groups.length} experiments` : subtitle(first!.runs)
  const body = several
    ? html`${banners(groups)}<h2 class="away">Overview</h2>${overviewTable(groups)}${overviewFigure('overview', groups)}${groups.map((group, i) => html`<section id="g${i + 1}" aria-labelledby="g${i + 1}-h"><h2 id="g${i + 1}-h">${group.label}</h2><p class="sub">${subtitle(group.runs)}</p>${verdictBlock(group)}${chapter(`g${i + 1}`, group)}</section>`)}`
    : html`${banners(groups)}${verdictBlock(first!)}<h2 class="away">Figures</h2>${chapter('g1', first!)}`
  const page = html`<!doctype html>
<html lang="en" data-name="${names[0]!}${!several && `-${nameOf(config.env)}`}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}: fedunify report</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header><h1>${title}</h1><p class="sub">${head}</p></header>
<main>
${body}
</main>
<footer><p>Made by fedunify ${VERSION} from the run folders named above. Accuracies are of test images that no owner trained on. The paper: J.-L. Lee, <i lang="en">Unification of Deep Learning Model trained by Parallel Learning in Security environment</i>, JKSCI 26(12), 2021, doi:${PAPER_DOI}.</p></footer>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`
  return page.text
}

function subtitle(runs: readonly RunRecord[]): string {
  const { config, dataset, shards, model, started } = runs[0]!.manifest
  const seeds = runs.map(({ manifest }) => manifest.config.seed)
  return [
    `environment ${choiceText(config.env)}`,
    `${config.owners} owners`,
    `${dataset.name}, ${thousands(imagesIn(shards))} images`,
    `${typeof config.model === 'string' ? `model ${config.model}` : 'own model'}, ${thousands(model.parameters)} parameters`,
    `${seeds.length > 1 ? 'seeds' : 'seed'} ${seeds.join(', ')}`,
    started.slice(0, 10),
  ].join(' · ')
}

/** The figures about one group. */
function chapter(id: string, group: RecordGroup): Markup {
  const { runs } = group
  const { manifest } = runs[0]!
  const paper = paperOf(group)
  const models = lastModels(runs)
  const names = manifest.dataset.class_names
  // Of owners that share no metrics, none is known.
  const scored = runs.some(({ series }) => series.size > 0)
  const drifted = runs.some(({ events }) => (events?.rounds.length ?? 0) > 0)
  return html`${scored && accuracyFigure(`${id}-accuracy`, group, paper)}
${scored && paper && comparisonBlock(`${id}-paper`, group, paper)}
${
  models.length > 0 && [
    classesFigure(`${id}-classes`, models, names),
    confusionFigure(`${id}-confusion`, models, names, runs.length),
  ]
}
${drifted && driftFigure(`${id}-drift`, runs)}
${shardsFigure(
  `${id}-shards`,
  manifest.shards,
  names,
  runs.map(({ manifest: { config } }) => config.seed),
)}
${manifestBlock(`${id}-manifest`, group)}`
}
