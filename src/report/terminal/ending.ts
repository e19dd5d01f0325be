import { duration, percent } from '../../format.ts'
import { PAPER, paperTableFor } from '../../paper/tables.ts'
import { nameOf } from '../../parts.ts'
import type { LoadedRun } from '../../runs/read/load-run.ts'
import { type Point, pickPoint } from '../../runs/read/series.ts'
import { resumeCommand } from '../../runs/resume-command.ts'
import { drivingRule } from '../../runs/run-description.ts'
import { CONFIG } from '../../runs/run-files.ts'
import { ownerOf, POOLED_SERIES } from '../../runs/series-name.ts'
import { shellWord } from '../../system/shell-word.ts'
import { attendanceText } from '../attendance.ts'
import { spentText } from '../privacy-text.ts'

/** How a run ended: why and after how long, its best round, and how far it is from what its owners have otherwise. */
export function endingLines(run: LoadedRun): string[] {
  const { series, rounds } = run
  const driver = series.get(drivingRule(run)) ?? []
  const last = driver.at(-1)
  const end = [...[attendanceText(run), spentText(run)].filter((line) => line !== undefined), stopped(run)]
  if (!last) return end
  const best = pickPoint(driver, 'best', rounds)!
  const bestText =
    best.round === rounds ? 'best round: the last' : `best round: ${best.round}, ${percent(best.accuracy)} %`
  return [bestText, ...gaps(last, series), ...end]
}

/** Why it stopped, and how long it took. */
function stopped({ manifest: { status, reason, config, seconds }, rounds, finished }: LoadedRun): string {
  const took = seconds ? ` in ${duration(seconds.total)}` : ''
  if (!finished) return `${status} after ${rounds} of ${config.rounds} rounds${took}${reason ? `: ${reason}` : ''}`
  if (reason === 'stop-at') {
    return `stopped after ${rounds} of ${config.rounds} rounds${took}: at every owner the accuracy is ${config['stop-at']} or more`
  }
  if (reason === 'stop-after') return `stopped after ${rounds} of ${config.rounds} rounds${took}, as it was told to`
  if (reason === 'budget') {
    const budget = `the next one would have gone beyond epsilon ${config.privacy?.epsilon}`
    return `stopped after ${rounds} of ${config.rounds} rounds${took}: ${budget}`
  }
  return `${rounds === 1 ? 'its only round is done' : `all ${rounds} rounds are done`}${took}`
}

/** The last unified model beside the best local one and the pooled one of its round. */
function gaps({ round, accuracy }: Point, series: LoadedRun['series']): string[] {
  const at = (points: readonly Point[]) => pickPoint(points, round, round)?.accuracy
  const locals = [...series].flatMap(([name, points]) => {
    const [owner, own] = [ownerOf(name), at(points)]
    return owner === undefined || own === undefined ? [] : [{ owner, own }]
  })
  const best = locals.reduce<(typeof locals)[number] | undefined>(
    (most, one) => (one.own > (most?.own ?? -1) ? one : most),
    undefined,
  )
  const pooled = at(series.get(POOLED_SERIES) ?? [])
  return [
    ...(best
      ? [
          `${gap(accuracy, best.own)} the best local model: owner ${best.owner}, ${percent(best.own)} % on its own test images`,
        ]
      : []),
    ...(pooled === undefined ? [] : [`${gap(accuracy, pooled)} the pooled model: ${percent(pooled)} %`]),
  ]
}

/** 4.51 points below */
function gap(accuracy: number, other: number): string {
  const points = Math.abs(100 * (accuracy - other)).toFixed(2)
  return Number(points) === 0 ? 'level with' : `${points} points ${accuracy < other ? 'below' : 'above'}`
}

/**
 * What may come next, as commands that work.
 * @param before a finished run of the same name
 */
export function nextCommands({ path, manifest }: LoadedRun, before: string | undefined): string[] {
  const { config, dataset, reason } = manifest
  const run = shellWord(path)
  const inPaper = dataset.name === 'fashion-mnist' && config.owners === 2 && paperTableFor(nameOf(config.env))
  const other = before !== undefined ? `${shellWord(before)} ${run}` : inPaper ? `${run} ${PAPER}` : undefined
  const second = other === undefined ? `config show ${shellWord(`${path}/${CONFIG}`)}` : `compare ${other}`
  const further = reason === 'stop-after' ? [resumeCommand(path, manifest)] : []
  return [`fedunify report ${run}`, `fedunify ${second}`, ...further]
}
