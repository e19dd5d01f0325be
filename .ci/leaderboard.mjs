// A leaderboard of the runs of one experiment file below results/reference: methods at equal rounds, what they send, and
// what they tell of an owner beside its weights. Needs a build.
import { asksOf, usesOf } from '../build/algorithm/merge/assert-rule.js'
import { withoutSeed } from '../build/config/hash.js'
import { decimals, plusMinus } from '../build/format.js'
import { nameOf } from '../build/parts.js'
import { intervalText, signedPoints } from '../build/report/terminal/points.js'
import { differingKeys, valueText } from '../build/runs/read/run-groups.js'
import { differenceBySeed, estimate } from '../build/stats.js'
import { referenceRuns } from './reference-runs.mjs'

/** The group of a file that all others are measured against. */
const BASE = 'avg'

const entriesOf = (folder) => referenceRuns(folder).flatMap(readRun)

/** An entry for each series of a run: the rule that drives it, those that are scored beside it, a fitted head. */
function readRun({ manifest: { config, status, rounds }, group, text, csv }) {
  const last = csv('unified.csv').filter(({ round }) => Number(round) === config.rounds)
  const sent = csv('traffic.csv').filter(({ owner }) => owner === '1')
  const lines = text('disclosure.jsonl')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const up = sent.reduce((sum, { up_bytes }) => sum + Number(up_bytes), 0)
  const ofHead = lines.filter(({ owner, kind }) => owner === 1 && kind === 'statistics')
  const rules = config.merge.map(nameOf)
  const entry = (series, more) => {
    const scored = last.find(({ merge }) => merge === series)
    const accuracy = scored && 100 * Number(scored.accuracy)
    const failed = status === 'failed' ? rounds + 1 : undefined
    return { group, config, accuracy, failed, told: toldBeside(config, lines, more.head), ...more }
  }
  const head = config.head && nameOf(config.head)
  const sums = head ? ofHead.reduce((sum, { bytes }) => sum + bytes, 0) : 0
  return [
    ...rules.map((rule, i) => entry(rule, { series: i === 0 ? undefined : rule, up: up - sums })),
    ...(head ? [entry(head, { series: head, up, head: true })] : []),
  ]
}

/** What the method makes an owner tell beside its weights and counts. */
function toldBeside({ merge }, lines, head) {
  const asked = asksOf(merge[0]).map(({ statistic }) => statistic)
  return [
    ...(usesOf(merge[0]).includes('labels') ? ['images of each class'] : []),
    ...(lines.some(({ fields }) => fields.includes('sent')) ? ['its control variate'] : []),
    ...(head ? ['sums of features, images of each class'] : []),
    ...asked.map((statistic) => STATISTICS[statistic]),
  ]
}

const STATISTICS = {
  grams: 'sums of the inputs of dense layers',
  fisher: 'squared gradients',
  'empirical-fisher': 'squared gradients of its labels',
}

/** What a group sets otherwise than the first: of its rules, the one that drives it. */
function settings(config, base) {
  const deciding = ({ merge, 'evaluate-every': _, ...rest }) => withoutSeed({ ...rest, merge: merge.slice(0, 1) })
  const [own, others] = [deciding(config), deciding(base)]
  const text = (key) => {
    if (own[key] === undefined) return `no ${key}`
    return key === 'model' && Array.isArray(own.model) ? dropoutText(own.model) : `${key} ${valueText(own[key])}`
  }
  return differingKeys([own, others]).map(text).join(', ')
}

/** The layers of a leaderboard are those of its model, with dropout. */
const dropoutText = (layers) =>
  `dropout ${layers.flatMap(({ type, rate }) => (type === 'dropout' ? [rate] : [])).join(' and ')}`

/** The groups and their series, the most accurate first. */
export function leaderboard(folder) {
  const groups = new Map()
  for (const entry of entriesOf(folder)) {
    const key = JSON.stringify([entry.group, entry.series])
    groups.set(key, [...(groups.get(key) ?? []), entry])
  }
  const done = (entries) => entries.filter(({ accuracy }) => accuracy !== undefined)
  const seedsOf = (entries) => new Map(done(entries).map(({ config, accuracy }) => [config.seed, accuracy]))
  const base = groups.get(JSON.stringify([BASE, undefined]))
  // A head that is all that a method adds leaves the rules as they are in the method without it.
  const plain = new Set(
    [...groups.values()].flatMap(([{ config }]) => (config.head ? [] : settings(config, base[0].config))),
  )
  const isTwin = ([
    {
      config: { head, ...rest },
      series,
    },
  ]) => head && series !== nameOf(head) && plain.has(settings(rest, base[0].config))
  return [...groups.values()]
    .filter((entries) => !isTwin(entries))
    .map((entries) => {
      const [{ group, series, config, told }] = entries
      const isBase = entries === base
      const scores = done(entries).map(({ accuracy }) => accuracy)
      return {
        name: group,
        series,
        isBase,
        settings: settings(config, base[0].config),
        unified: scores.length > 0 ? estimate(scores) : undefined,
        seeds: scores.length,
        failed: entries.flatMap(({ failed }) => failed ?? []),
        difference: isBase ? undefined : differenceBySeed(seedsOf(entries), seedsOf(base)),
        up: Math.max(...entries.map(({ up }) => up)),
        told,
      }
    })
    .toSorted((a, b) => (b.unified?.mean ?? 0) - (a.unified?.mean ?? 0))
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1)

function differenceText({ isBase, difference, unified }, base) {
  if (isBase || !unified) return ''
  return difference ? intervalText(difference) : signedPoints(unified.mean - base.unified.mean)
}

function scoreText({ unified, failed }) {
  const ended = failed.length > 0 ? `${failed.length} of the seeds ended in round ${failed.join(' and ')} with NaN` : ''
  if (!unified) return ended
  return `**${plusMinus(unified, decimals)}**${ended && `; ${ended}`}`
}

/** @returns the cells of a table in Markdown, with its head */
export function leaderboardRows(folder, most = Number.POSITIVE_INFINITY) {
  const all = leaderboard(folder)
  const base = all.find(({ isBase }) => isBase)
  const rows = all.slice(0, most).map((group) => [
    // The name of a folder has no dash within a part.
    `\`${group.name.replaceAll('_', '-')}\`${group.series ? `, ${group.series}` : ''}`,
    group.settings,
    scoreText(group),
    String(group.seeds),
    differenceText(group, base),
    megabytes(group.up),
    group.told.join(', ') || 'nothing',
  ])
  const head = [
    'method',
    `set otherwise than in \`${BASE}\``,
    'unified accuracy',
    'seeds',
    'points from it, 95 % interval',
  ]
  return [[...head, 'MB up, each owner', 'told beside the weights'], ...rows]
}
