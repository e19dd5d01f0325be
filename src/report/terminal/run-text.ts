import { readdir } from 'node:fs/promises'
import { stringify as toYaml } from 'yaml'
import { ownerNoise } from '../../config/owner-noise.ts'
import type { Experiment } from '../../config/schema.ts'
import { labelHistogram } from '../../data/partition/partition.ts'
import { plainWords } from '../../disclosure/plain-words.ts'
import { trainingOwners } from '../../federation/drawn-owners.ts'
import { lastRound } from '../../federation/schedule.ts'
import { dataSize, roundsText, thousands } from '../../format.ts'
import { parameterCount } from '../../model/model.ts'
import { choiceText } from '../../parts.ts'
import { firstNorm } from '../../privacy/noise/owner-noise.ts'
import { keptBytes, roundsToKeep } from '../../run/disk-need.ts'
import { imagesToTrain, type PreparedRun } from '../../run/prepare.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { runBefore } from '../../runs/read/run-before.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { shortNumber } from '../privacy-text.ts'
import { trafficTotals } from '../traffic.ts'
import { endingLines, nextCommands } from './ending.ts'
import { paperTable } from './paper-table.ts'
import { shardTable } from './shard-table.ts'
import { trafficText } from './traffic-text.ts'
import { verdictText } from './verdict-text.ts'
import { wrap } from './wrap.ts'

/** What is about to run, and what each owner has. */
export function overviewText({ experiment, dataset, model, engine, shards }: PreparedRun, width?: number): string {
  const used = shards.reduce((sum, { train, test }) => sum + train.length + test.length, 0)
  const layers = typeof experiment.model === 'string' ? experiment.model : `${model.layers.length} layers`
  const { server, objective, sam, attack, privacy } = experiment
  const algorithm = [
    ...(server === 'none' ? [] : [`server ${choiceText(server)}`]),
    ...(objective === 'cross-entropy' ? [] : [`objective ${choiceText(objective)}`]),
    ...(sam === undefined ? [] : [`sam ${sam}`]),
    ...(attack ? [`attack ${choiceText(attack)}`] : []),
    ...(privacy?.masks ? ['masked sums'] : []),
    ...noiseText(experiment),
  ]
  return [
    `${dataset.name}: ${thousands(used)} images from ${oneLine(dataset.source)}`,
    `env ${choiceText(experiment.env)}, ${ownersText(experiment)}, seed ${experiment.seed}`,
    `model ${layers}, ${thousands(parameterCount(model))} parameters, ${experiment.init} initial weights`,
    `${choiceText(experiment.optimizer)} lr ${experiment.lr}, batch ${experiment.batch}, ${engine.name} on ${engine.device}, ${experiment.workers} workers`,
    ...(algorithm.length > 0 ? [algorithm.join(', ')] : []),
    '',
    shardTable(dataset, shards, width),
  ].join('\n')
}

/** noise 1.5 x clip 0.5 for owners */
function noiseText(experiment: Experiment): string[] {
  const noise = ownerNoise(experiment)
  return noise ? [`noise ${shortNumber(noise.noise)} x clip ${shortNumber(firstNorm(noise))} for owners`] : []
}

/** 10 owners, of whom 3 train in each round */
const ownersText = (experiment: Experiment): string => {
  const all = `${experiment.owners} owners`
  return experiment.participants ? `${all} of whom ${trainingOwners(experiment)} train in each round` : all
}

/** What would be run, with every value of the experiment. */
export function planText(prepared: PreparedRun, done: number, width?: number): string {
  const { experiment } = prepared
  const early = experiment['until-local-accuracy'] ?? experiment['stop-at']
  const most = early === undefined ? '' : 'at most '
  const last = lastRound(experiment)
  const rest = done + 1 === last ? `round ${last}` : `rounds ${done + 1} to ${last}`
  const rounds = done === 0 ? roundsText(last) : rest
  const work = `would train ${most}${thousands(imagesToTrain(prepared, done))} images in ${rounds}; nothing was written`
  const lines = [...keptLines(prepared, done), work].map((line) => wrap(line, width))
  const told = ['with every owner on a machine of its own:', ...wordsOf(prepared).map((word) => `- ${word}`), '']
  const text = [wrap(overviewText(prepared, width), width), '', wrap(told.join('\n'), width), ...lines]
  return `${toYaml(experiment)}\n${text.join('\n')}\n`
}

/** What its owners would tell one another and the server, whatever the messages say. */
function wordsOf({ experiment, shards, dataset, model }: PreparedRun): string[] {
  const holdings = shards.map(({ owner, train }) => ({ owner, train_labels: labelHistogram(dataset, train) }))
  return plainWords(experiment, { shards: holdings, names: dataset.classNames, parameters: parameterCount(model) })
}

/** What would be kept of the owners' weights. */
function keptLines({ experiment, model }: PreparedRun, done: number): string[] {
  if (experiment.keep === undefined) return []
  const size = dataSize(keptBytes(experiment, model, done))
  const whose = `the weights of ${trainingOwners(experiment)} owners and the model that they received`
  return [`would keep ${whose} in ${roundsText(roundsToKeep(experiment, done))}: ${size} on the disk`]
}

/** What would be run, if its data would have to be fetched to say more. */
export const unfetchedPlanText = (experiment: Experiment, fetched: string): string =>
  `${toYaml(experiment)}\n${oneLine(fetched)}\nto see its shards, fetch it first: fedunify data fetch\nnothing was fetched or written\n`

/** Where no terminal says how wide it is. */
const FILES_WIDTH = 120

/**
 * What a finished run leaves to look at: the paper-shaped table, how it ended, what the owners sent and were sent, the
 * files, and what may come next.
 */
export async function summaryText(run: LoadedRun, colors: Palette, width?: number): Promise<string> {
  const { path, manifest, tables, unified } = run
  const last = unified.at(-1)
  const driver = last && unified.find(({ round }) => round === last.round)
  const verdict = driver ? verdictText(driver, manifest, colors) : 'no round was finished'
  const travelled = trafficTotals(run)
  const lines = [verdict, ...(travelled ? [trafficText(travelled)] : []), ...endingLines(run).map(oneLine)]
  const files = (await readdir(path))
    .filter((name) => !name.startsWith('.'))
    .map(oneLine)
    .join(' ')
  const next = nextCommands(run, await runBefore(path)).map((command) => `  ${oneLine(command)}`)
  return [
    paperTable(tables.table, width),
    colors.dim('accuracy in percent'),
    '',
    wrap(lines.join('\n'), width),
    `${oneLine(path)}/`,
    wrap(`  ${files}`, width ?? FILES_WIDTH),
    'next:',
    ...next,
    '',
  ].join('\n')
}
