import { clock, dataSize, duration, thousands } from '../../format.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { pointAt } from '../../runs/read/series.ts'
import { resumeCommand } from '../../runs/resume-command.ts'
import { drivingRule } from '../../runs/run-description.ts'
import { shellWord } from '../../system/shell-word.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { configPairs } from '../config-pairs.ts'
import { trafficTotals } from '../traffic.ts'
import { endingLines, nextCommands } from './ending.ts'
import { paperTable } from './paper-table.ts'
import { shareTable } from './shard-table.ts'
import { trafficText } from './traffic-text.ts'
import { verdictText } from './verdict-text.ts'
import { wrap } from './wrap.ts'

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
  /** A finished run of the same name, before this one. */
  readonly before: string | undefined
}

interface Style {
  readonly colors: Palette
  /** Characters of a line; undefined for any. */
  readonly width?: number | undefined
}

function terminal({ run, files, before }: Shown, { colors, width }: Style): string {
  const { tables, manifest } = run
  const { config } = manifest
  const { changed, defaults } = configPairs(config)
  // The title has these two.
  const usual = defaults.filter(([key]) => key !== 'name' && key !== 'seed').map((pair) => pair.join(' '))
  const travelled = trafficTotals(run)
  const shares = manifest.shards.map(({ train_labels, test_labels, ...share }) => {
    return { ...share, labels: train_labels.map((count, label) => count + (test_labels[label] ?? 0)) }
  })
  const classes = Math.max(0, ...shares.map(({ labels }) => labels.length))
  const lines = (all: readonly string[]) => wrap(all.map(oneLine).join('\n'), width)
  const parts: [string, string][] = [
    [
      `Experiment ${config.name}, seed ${config.seed}`,
      lines([...pairLines(changed), `at their defaults: ${usual.join(', ')}`]),
    ],
    ['Images of the owners, and of each class', shareTable(shares, classes, width)],
    ...(run.rounds > 0 ? [['Accuracy in percent', paperTable(tables.table, width)] as [string, string]] : []),
    ['Made with', lines([...madeWith(run), ...(travelled ? [trafficText(travelled)] : [])])],
    ['Files', lines(pairLines(files.map(({ name, bytes }) => [name, dataSize(bytes)])))],
    ['Next', lines(nextLines(run, before).map((command) => `  ${command}`))],
  ]
  const head = lines([run.path, ...headLines(run)])
  return `${[head, ...parts.map(([title, text]) => `${colors.bold(oneLine(title))}\n${text}`)].join('\n\n')}\n`
}

/** Names with what they stand for, in two columns. */
function pairLines(pairs: readonly (readonly [string, string])[]): string[] {
  const most = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `  ${name.padEnd(most)}  ${value}`)
}

function headLines(run: LoadedRun): string[] {
  const { status, started } = run.manifest
  const driver = drivingRule(run)
  const end = run.unified.find(({ merge, round }) => merge === driver && round === run.rounds)
  return [
    `${status === 'running' ? 'running, or killed' : status}; started ${clock(started)}`,
    end ? verdictText(end, run.manifest) : 'no round was finished',
    ...endingLines(run),
  ]
}

/** What may come next: an unfinished run goes on, expectations are checked. */
function nextLines(run: LoadedRun, before: string | undefined): string[] {
  const path = shellWord(run.path)
  return [
    ...(run.finished ? [] : [resumeCommand(run.path, run.manifest)]),
    ...nextCommands(run, before),
    ...(run.manifest.config.expect ? [`fedunify check ${path}`] : []),
  ]
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
function json({ run, files, before }: Shown): string {
  const { path, manifest, rounds } = run
  const { status, reason = null, started, seconds = null, config, shards, engine, machine, fedunify } = manifest
  const series = [...run.series.keys()].map((name) => {
    const [end, best] = (['end', 'best'] as const).map((at) => pointAt(run, name, at))
    const plain = (point = end) => point && { round: point.round, accuracy: point.accuracy }
    return { series: name, end: plain(end), best: plain(best) }
  })
  const changed = configPairs(config).changed.map(([name]) => name)
  const what = { path, status, reason, rounds, started, seconds, sent_back: drivingRule(run), series }
  const next = nextLines(run, before)
  const made = { fedunify, engine, machine }
  return `${JSON.stringify({ format: FORMAT, ...what, config, changed, shards, ...made, files, next }, null, 2)}\n`
}
