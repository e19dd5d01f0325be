import { readdir } from 'node:fs/promises'
import { stringify as toYaml } from 'yaml'
import { thousands } from '../../format.ts'
import { parameterCount } from '../../model/model.ts'
import { choiceText } from '../../parts.ts'
import { imagesToTrain, type PreparedRun } from '../../run/prepare.ts'
import { loadRun } from '../../runs/read/load-run.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { trafficTotals } from '../traffic.ts'
import { paperTable } from './paper-table.ts'
import { shardTable } from './shard-table.ts'
import { trafficText } from './traffic-text.ts'
import { verdictText } from './verdict-text.ts'

/** What is about to run, and what each owner has. */
export function overviewText({ experiment, dataset, model, engine, shards }: PreparedRun): string {
  const used = shards.reduce((sum, { train, test }) => sum + train.length + test.length, 0)
  const layers = typeof experiment.model === 'string' ? experiment.model : `${model.layers.length} layers`
  const { server, objective } = experiment
  const algorithm = [
    ...(server === 'none' ? [] : [`server ${choiceText(server)}`]),
    ...(objective === 'cross-entropy' ? [] : [`objective ${choiceText(objective)}`]),
  ]
  return [
    `${dataset.name}: ${thousands(used)} images from ${oneLine(dataset.source)}`,
    `env ${choiceText(experiment.env)}, ${experiment.owners} owners, seed ${experiment.seed}`,
    `model ${layers}, ${thousands(parameterCount(model))} parameters, ${experiment.init} initial weights`,
    `${choiceText(experiment.optimizer)} lr ${experiment.lr}, batch ${experiment.batch}, ${engine.name} on ${engine.device}, ${experiment.workers} workers`,
    ...(algorithm.length > 0 ? [algorithm.join(', ')] : []),
    '',
    shardTable(dataset, shards),
  ].join('\n')
}

/** What would be run, with every value of the experiment. */
export function planText(prepared: PreparedRun, done: number): string {
  const { experiment } = prepared
  const early = experiment['until-local-accuracy'] ?? experiment['stop-at']
  const most = early === undefined ? '' : 'at most '
  const rounds = done === 0 ? `${experiment.rounds} rounds` : `rounds ${done + 1} to ${experiment.rounds}`
  const work = `would train ${most}${thousands(imagesToTrain(prepared, done))} images in ${rounds}; nothing was written`
  return `${toYaml(experiment)}\n${overviewText(prepared)}\n\n${work}\n`
}

/** What a finished run leaves to look at: the paper-shaped table, what the owners sent and were sent, and the files. */
export async function summaryText(path: string, colors: Palette): Promise<string> {
  const { manifest, tables, unified, traffic } = await loadRun(path)
  const last = unified.at(-1)
  const driver = last && unified.find(({ round }) => round === last.round)
  const verdict = driver ? verdictText(driver, manifest, colors) : 'no round was finished'
  const travelled = trafficTotals(traffic)
  const lines = [verdict, ...(travelled ? [trafficText(travelled)] : [])].join('\n')
  const files = (await readdir(path))
    .filter((name) => !name.startsWith('.'))
    .map(oneLine)
    .join('  ')
  return `${paperTable(tables.table)}\n${colors.dim('accuracy in percent')}\n\n${lines}\n${oneLine(path)}/\n  ${files}\n`
}
