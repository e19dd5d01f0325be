import { VERSION } from '../../package.ts'
import { PAPER_DOI } from '../../paper/tables.ts'
import { nameOf } from '../../parts.ts'
import type { RecordGroup } from '../run-record.ts'
import { banners } from './banner.ts'
import { chapter } from './chapter.ts'
import { html, Markup } from './markup.ts'
import { pagePolicy, scriptOf } from './policy.ts'
import { STYLE } from './style/style.ts'
import { sweep } from './sweep/sweep.ts'
import { verdictBesidePaper, verdictBlock } from './verdict.ts'
import { datesOf, listed, subtitle, titleOf } from './words.ts'

/** How a run stands that goes on. */
export interface Live {
  readonly text: string
  /** Another one for other figures. */
  readonly version: string
}

/**
 * The report about groups of runs: one HTML file that needs nothing else. The same runs give the same bytes.
 * @param live how the run stands, if the page is served while it runs: then it asks where it came from for more
 */
export function reportDocument(groups: readonly RecordGroup[], live?: Live): string {
  const [first] = groups
  const runs = groups.flatMap((group) => group.runs)
  const { config } = first!.runs[0]!.manifest
  const names = [...new Set(groups.map((group) => group.runs[0]!.manifest.config.name))]
  const several = groups.length > 1
  const title = several ? `${listed(names)}: ${groups.length} experiments` : titleOf(first!.runs[0]!)
  const body = several
    ? sweep(groups)
    : html`${verdictBlock(first!, verdictBesidePaper(first!))}<h2 class="away">Figures</h2>${chapter('g1', first!)}`
  const page = html`<!doctype html>
<html lang="en" data-name="${names[0]!}${!several && `-${nameOf(config.env)}`}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${pagePolicy(live !== undefined)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${listed(names)}: fedunify report</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header><h1>${title}</h1><p class="sub">${several ? `run on ${datesOf(runs)}` : subtitle(first!.runs)}</p></header>
${live !== undefined && html`<div class="live" data-version="${live.version}"><p role="status">${live.text}</p></div>`}
<main>
${banners(groups)}${body}
</main>
<footer><p>Made by fedunify ${VERSION} from the run folders named above. Accuracies are measured on test images that no owner trained on. The paper: J.-L. Lee, <i lang="en">Unification of Deep Learning Model trained by Parallel Learning in Security environment</i>, JKSCI 26(12), 2021, doi:${PAPER_DOI}.</p></footer>
<script>${new Markup(scriptOf(live !== undefined))}</script>
</body>
</html>
`
  return page.text
}
