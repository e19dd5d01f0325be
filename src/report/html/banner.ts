import { choiceText } from '../../parts.ts'
import { withoutMetrics } from '../../runs/run-description.ts'
import { sharedPath } from '../../system/shared-path.ts'
import type { RecordGroup, RunRecord } from '../run-record.ts'
import { html, type Markup } from './markup.ts'

/** What a reader must know before the figures: runs that did not finish, files that are missing or cut short. */
export function banners(groups: readonly RecordGroup[]): Markup {
  const line = (run: RunRecord, problem: string) => html`<p><code>${sharedPath(run.path)}</code> ${problem}</p>`
  const lines = groups.flatMap(({ runs, repeats }) => [
    ...runs.flatMap((run) => problems(run).map((problem) => line(run, problem))),
    ...repeats.map((run) => line(run, 'has the same config and seed as another run: it is left out.')),
  ])
  return html`${lines.length > 0 && html`<section class="banner" role="note" aria-label="To know first">${lines}</section>`}`
}

/** Rounds in which not all owners took part, which a run may allow. */
function partialRounds({ manifest: { shards }, unified }: RunRecord): string | undefined {
  const partial = new Set(unified.filter(({ owners }) => owners < shards.length).map(({ round }) => round))
  if (partial.size === 0) return undefined
  const rounds = partial.size === 1 ? `round ${[...partial][0]}` : `${partial.size} rounds`
  return `lacks owners in ${rounds}: there, the unified model is merged from those that took part, and tested on their images.`
}

/** Owners whose images no model was tested on. */
function keptBack({ manifest: { shards } }: RunRecord): string | undefined {
  const silent = withoutMetrics(shards)
  if (silent.length === 0) return undefined
  if (silent.length === shards.length) return 'has owners that share no metrics: no accuracy is known.'
  const who = silent.length === 1 ? `owner ${silent[0]} shares` : `owners ${silent.join(', ')} share`
  return `is measured on the test images of ${shards.length - silent.length} of ${shards.length} owners: ${who} no metrics.`
}

/** Settings are still being chosen. */
const heldOut = ({ manifest: { config } }: RunRecord): string | undefined =>
  config.validation === undefined
    ? undefined
    : `is measured on validation images, ${config.validation} of each owner’s training images, wherever this page says test images.`

/** The last owners are hostile. */
const attacked = ({ manifest: { config } }: RunRecord): string | undefined =>
  config.attack && `has hostile owners, the last ones: attack ${choiceText(config.attack)}.`

function problems(run: RunRecord): string[] {
  const { manifest, rounds: done, events } = run
  const shown = done === 0 ? 'no round was finished' : `${done} of ${manifest.config.rounds} rounds shown`
  const reason = manifest.reason ? ` (${manifest.reason})` : ''
  const state = {
    finished: undefined,
    running: `is not finished: it is still running, or was killed; ${shown}.`,
    interrupted: `was interrupted: ${shown}. Go on with --resume.`,
    failed: `failed${reason}: ${shown}.`,
  }[manifest.status]
  const known = events?.rounds.at(-1)?.round ?? 0
  return [
    state,
    partialRounds(run),
    keptBack(run),
    heldOut(run),
    attacked(run),
    events === undefined && done > 0 && 'has no events.jsonl: there is no confusion, accuracy by class or drift.',
    events?.torn && 'has an events.jsonl whose last line was cut short; that line does not count.',
    events && !events.torn && known < done && `has events up to round ${known} only, but tables up to round ${done}.`,
    ...run.analyses.problems,
  ].filter((line) => typeof line === 'string')
}
