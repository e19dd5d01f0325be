import { roundsText } from '../../../format.ts'
import type { RecordGroup } from '../../run-record.ts'
import { chapter, shortChapter } from '../chapter.ts'
import { html, type Markup } from '../markup.ts'
import { estimateText, type Verdict, verdictBesidePaper, verdictBlock } from '../verdict.ts'
import { subtitle } from '../words.ts'
import { budgetsFigure } from './budgets.ts'
import { MAX_LINES, overviewFigure } from './lines.ts'
import { multiples } from './multiples.ts'
import { overviewTable } from './overview.ts'

/** Chapters of more groups have no room for every figure: the page would have tens of megabytes. */
const MAX_FULL = 12

/** Several experiments: what each came to, their curves, and a folded chapter for each. */
export function sweep(groups: readonly RecordGroup[]): Markup {
  const curves = groups.length > MAX_LINES ? multiples('overview', groups) : overviewFigure('overview', groups)
  const verdicts = groups.map(verdictBesidePaper)
  const content = groups.length > MAX_FULL ? shortChapter : chapter
  return html`<h2 class="away">Overview</h2>${overviewTable(groups, verdicts)}${budgetsFigure('budgets', groups, verdicts)}${curves}
<nav class="contents block" aria-label="Contents"><h2>Experiments</h2><ol>${groups.map((group, i) => html`<li><a href="#g${i + 1}">${group.label}</a></li>`)}</ol></nav>
${groups.map((group, i) => folded(i + 1, group, verdicts[i], content))}`
}

function folded(number: number, group: RecordGroup, verdict: Verdict | undefined, content: typeof chapter): Markup {
  const id = `g${number}`
  const figure = verdict ? `${estimateText(verdict.unified)}\u00a0% after ${roundsText(verdict.round)}` : 'no accuracy'
  return html`<details class="chapter" id="${id}-chapter"><summary><h2 id="${id}">${number}. ${group.label}</h2><span class="sub">${figure}</span></summary>
<p class="sub">${subtitle(group.runs)}</p>${verdictBlock(group, verdict)}${content(id, group)}</details>
`
}
