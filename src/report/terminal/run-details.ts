import { dataSize, duration, percent, thousands } from '../../format.ts'
import { nameOf } from '../../parts.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { pointAt } from '../../runs/read/series.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { configPairs } from '../config-pairs.ts'
import { trafficTotals } from '../traffic.ts'
import { wrapped } from './fit.ts'
import { nextCommands } from './next-commands.ts'
import { paperTable } from './paper-table.ts'
import { clock } from './run-words.ts'
import { shareTable } from './shard-table.ts'
import { trafficText } from './traffic-text.ts'

/** A file of a run folder, and its bytes. */
export interface RunFile {
  readonly name: string
  readonly bytes: number
}

/** Every form in which one run is shown, by the name that `--format` takes. */
export const RUN_FORMATS = { terminal, json }

export type RunFormat = keyof typeof RUN_FORMATS

interface Shown {
  readonly run: LoadedRun
  readonly files: readonly RunFile[]
}

interface Style {
  readonly colors: Palette
  /** Characters of a line; undefined for any. */
  readonly width?: number | undefined
}

function terminal({ run, files }: Shown, { colors, width }: Style): string {
  const { tables, manifest, traffic } = run
  const { config } = manifest
  const { changed, defaults } = configPairs(config)
  // The title has these two.
  const usual = defaults.filter(([key]) => key !== 'name' && key !== 'seed').map((pair) => pair.join(' '))
  const lines = (text: readonly string[]) => text.map((line) => wrapped(oneLine(line), width, '  ')).join('\n')
  const travelled = trafficTotals(traffic)
  const shares = manifest.shards.map(({ train_labels, test_labels, ...share }) => {
    return { ...share, labels: train_labels.map((count, label) => count + (test_labels[label] ?? 0)) }
  })
  const classes = Math.max(0, ...shares.map(({ labels }) => labels.length))
  const parts: [string, string][] = [
    [
      `Experiment ${config.name}, seed ${config.seed}`,
      `${changed.length > 0 ? `${pairsText(changed, width)}\n` : ''}${lines([`at their defaults: ${usual.join(', ')}`])}`,
    ],
    ['Images of the owners, and of each class', shareTable(shares, classes, width)],
    ...(run.rounds > 0 ? [['Accuracy in percent', paperTable(tables.table, width)] as [string, string]] : []),
    ['Made with', lines([...madeWith(run), ...(travelled ? [trafficText(travelled)] : [])])],
    [
      'Files',
      pairsText(
        files.map(({ name, bytes }) => [name, dataSize(bytes)]),
        width,
      ),
    ],
    ['Next', pairsText(nextCommands(run), width)],
  ]
  const head = lines([run.path, ...headLines(run)])
  return `${[head, ...parts.map(([title, text]) => `${colors.bold(oneLine(title))}\n${text}`)].join('\n\n')}\n`
}

/** Names with what they stand for, in two columns. */
function pairsText(pairs: readonly (readonly [string, string])[], width: number | undefined): string {
  const most = Math.max(0, ...pairs.map(([name]) => oneLine(name).length))
  const indent = ' '.repeat(most + 4)
  return pairs
    .map(([name, value]) => {
      const first = `  ${oneLine(name).padEnd(most)}  `
      // Where a column beside the names would be narrow, what they stand for comes below.
      const beside = width === undefined || width - indent.length >= 20
      return beside
        ? wrapped(first + oneLine(value), width, indent)
        : `  ${oneLine(name)}\n    ${wrapped(oneLine(value), width - 4, '    ')}`
    })
    .join('\n')
}

function headLines({ manifest, rounds, ...run }: LoadedRun): string[] {
  const { status, reason, started, seconds, config } = manifest
  const why = reason === undefined || reason === 'rounds' ? '' : ` (${reason})`
  const state = status === 'running' ? 'running, or killed' : status
  const time = seconds ? `, ${duration(seconds.total)}` : ''
  const progress = `${state}${why}: ${rounds} of ${config.rounds} rounds${time}; started ${clock(started)}`
  const driver = nameOf(config.merge[0]!)
  const [end, best] = (['end', 'best'] as const).map((at) => pointAt({ ...run, rounds }, driver, at))
  if (!end || !best) return [progress]
  const at = best.round === end.round ? '' : `; best ${percent(best.accuracy)} % in round ${best.round}`
  return [progress, `unified accuracy ${percent(end.accuracy)} % (${driver}, round ${end.round})${at}`]
}

function madeWith({ manifest }: LoadedRun): string[] {
  const { fedunify, git, engine, machine, dataset, model, seconds } = manifest
  const commit = git ? `, commit ${git.commit.slice(0, 12)}${git.dirty ? ' with changes' : ''}` : ''
  const parts = Object.entries(seconds ?? {}).filter(([name]) => name !== 'total')
  return [
    `fedunify ${fedunify}${commit}`,
    `${engine.name} on ${engine.device}, ${engine.version}; ${machine.cpu ?? 'unknown processor'}, ${machine.cores} cores`,
    `${dataset.name}, ${thousands(dataset.images)} images; a model of ${thousands(model.parameters)} parameters`,
    ...(parts.length > 0 ? [parts.map(([name, value]) => `${name} ${duration(value)}`).join(', ')] : []),
  ]
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json({ run, files }: Shown): string {
  const { path, manifest, rounds } = run
  const { status, reason = null, started, seconds = null, config, shards, engine, machine, fedunify } = manifest
  const series = [...run.series.keys()].map((name) => {
    const [end, best] = (['end', 'best'] as const).map((at) => pointAt(run, name, at))
    const plain = (point = end) => point && { round: point.round, accuracy: point.accuracy }
    return { series: name, end: plain(end), best: plain(best) }
  })
  const changed = configPairs(config).changed.map(([name]) => name)
  const what = { path, status, reason, rounds, started, seconds, sent_back: nameOf(config.merge[0]!), series }
  const next = nextCommands(run).map(([command]) => command)
  const made = { fedunify, engine, machine }
  return `${JSON.stringify({ format: FORMAT, ...what, config, changed, shards, ...made, files, next }, null, 2)}\n`
}
