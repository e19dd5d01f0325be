import type { Explanation } from '../../explain/explain-run.ts'
import { plainExplained } from '../../explain/plain.ts'
import { decimals, percent, thousands } from '../../format.ts'
import { oneLine } from '../../visible.ts'
import { markdownTable } from '../markdown-table.ts'
import { columns } from './columns.ts'
import { signedPoints } from './points.ts'
import { wrap } from './wrap.ts'

/** Every form of what `fedunify explain` found, by the name that `--format` takes. */
export const EXPLAIN_FORMATS = { terminal, markdown, json } satisfies Record<
  string,
  (explanation: Explanation, width?: number) => string
>

/** Pairs of classes that are listed. */
const MOST_PAIRS = 8

type Draw = (head: readonly string[], rows: readonly (readonly string[])[]) => string

function terminal(explanation: Explanation, width?: number): string {
  const parts = sections(explanation, (head, rows) => columns(head, rows, width))
  return `${parts.map((part) => part.map((text) => wrapped(text, width)).join('\n')).join('\n\n')}\n`
}

/** Tables keep their lines. */
const wrapped = (text: string, width: number | undefined) => (text.includes('\n') ? text : wrap(text, width))

function markdown(explanation: Explanation): string {
  const parts = sections(explanation, (head, rows) => `\n${markdownTable(head, rows, 1)}\n`)
  return `${parts.flat().join('\n\n')}\n`
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json(explanation: Explanation): string {
  const report = { format: FORMAT, path: explanation.path, ...plainExplained(explanation) }
  return `${JSON.stringify(report, undefined, 2)}\n`
}

function sections(explanation: Explanation, draw: Draw): string[][] {
  const { path, round, opposition, line, advice } = explanation
  const title = `${oneLine(path)}, round ${round}: where the unified model loses accuracy`
  return [
    [title],
    [lossTable(explanation, draw)],
    pairTable(explanation, draw),
    opposition ? oppositionTable(opposition, draw) : [NOT_KEPT],
    ...(line ? [lineTable(line, draw)] : []),
    ['what it points to:', ...advice.map((one) => `- ${one}`)],
  ]
}

const NOT_KEPT = 'the run kept no weights of its owners, so how they pull apart is not known: run it with --keep owners'

function lossTable({ losses }: Explanation, draw: Draw): string {
  const { unified, limited, refitted, onMap, pooled } = losses
  const row = (title: string, value: number | undefined) =>
    value === undefined ? [] : [[title, percent(value), value === unified ? '' : signedPoints(100 * (value - unified))]]
  return draw(
    ['', 'accuracy in percent', 'points'],
    [
      ...row('the unified model', unified),
      ...row("if it chooses among the classes of the image's owner", limited),
      ...row('with a last layer fitted to its features', refitted),
      ...row('with one fitted to its last map', onMap),
      ...row('the pooled model', pooled),
    ],
  )
}

function pairTable({ confused, classNames }: Explanation, draw: Draw): string[] {
  if (confused.errors === 0) return ['no image is taken for another class']
  const shown = confused.pairs.slice(0, MOST_PAIRS)
  const rows = shown.map(({ classes: [a, b], errors, owners: [one, other], apart }) => [
    `${oneLine(classNames[a]!)} / ${oneLine(classNames[b]!)}`,
    thousands(errors),
    percent(errors / confused.errors),
    apart ? `no owner has both (${one.join(' ')} / ${other.join(' ')})` : 'an owner has both',
  ])
  const { apart, errors, pairsApart, pairsInAll } = confused
  return [
    draw(['taken for each other', 'errors', 'percent of all', ''], rows),
    `${percent(apart / errors)} % of ${thousands(errors)} errors lie between classes that no owner has both of: ${pairsApart} of ${pairsInAll} pairs.`,
  ]
}

function oppositionTable({ layers, step }: NonNullable<Explanation['opposition']>, draw: Draw): string[] {
  const rows = layers.map(({ layer, cosine, cancelled, kept }) => [
    layer,
    decimals(cosine),
    percent(cancelled),
    percent(kept),
  ])
  return [
    draw(["the owners' ways in the round", 'cosine', 'cancelled, percent', 'length kept, percent'], rows),
    `FedExP's step is ${decimals(step)}: 0.5 if all owners go one way, and the larger the more they pull apart.`,
  ]
}

function lineTable({ owners: [one, other], points }: NonNullable<Explanation['line']>, draw: Draw): string[] {
  const rows = points.map(({ share, accuracy, loss }) => [share.toFixed(1), percent(accuracy), loss.toFixed(3)])
  return [draw([`from owner ${one} (0) to owner ${other} (1)`, 'accuracy in percent', 'loss'], rows)]
}
