// A leaderboard of the runs of one experiment file below results/reference: methods at equal rounds, what they send, and
// what they tell of an owner beside its weights. Needs a build.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { asksOf, usesOf } from '../build/algorithm/merge/assert-rule.js'
import { withoutSeed } from '../build/config/hash.js'
import { decimals, plusMinus } from '../build/format.js'
import { nameOf } from '../build/parts.js'
import { intervalText, signedPoints } from '../build/report/terminal/points.js'
import { differingKeys, valueText } from '../build/runs/read/run-groups.js'
import { differenceBySeed, estimate } from '../build/stats.js'

/** The group of a file that all others are measured against. */
const BASE = 'avg'

const runsOf = (folder) =>
  readdirSync(folder)
    .filter((name) => existsSync(`${folder}/${name}/manifest.json`))
    .map((name) => readRun(`${folder}/${name}`, name))

function readRun(path, name) {
  const text = (file) => readFileSync(`${path}/${file}`, 'utf8')
  const csv = (file) => parse(text(file), { columns: true })
  const { config } = JSON.parse(text('manifest.json'))
  const last = csv('unified.csv').filter(({ round }) => Number(round) === config.rounds)
  // The series of a fitted head is what its run is about; without one it is that of the rule that drives the run.
  const series = config.head ? nameOf(config.head) : nameOf(config.merge[0])
  const sent = csv('traffic.csv').filter(({ owner }) => owner === '1')
  const lines = text('disclosure.jsonl')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  return {
    group: name.slice(0, name.lastIndexOf(`-s${config.seed}-`)),
    config,
    accuracy: 100 * Number(last.find(({ merge }) => merge === series).accuracy),
    up: sent.reduce((sum, { up_bytes }) => sum + Number(up_bytes), 0),
    told: toldBeside(config, lines),
  }
}

/** What the method makes an owner tell beside its weights and counts. */
function toldBeside({ merge, head }, lines) {
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

/** What a group sets otherwise than the first. */
function settings(config, base) {
  const [own, others] = [withoutSeed(config), withoutSeed(base)]
  const text = (key) => (own[key] === undefined ? `no ${key}` : `${key} ${valueText(own[key])}`)
  return differingKeys([own, others]).map(text).join(', ')
}

/** The groups, the most accurate first. */
export function leaderboard(folder) {
  const runs = runsOf(folder)
  const groups = [...new Set(runs.map(({ group }) => group))].map((name) => [
    name,
    runs.filter(({ group }) => group === name),
  ])
  const seedsOf = (runs) => new Map(runs.map(({ config, accuracy }) => [config.seed, accuracy]))
  const base = groups.find(([name]) => name === BASE)[1]
  return groups
    .map(([name, runs]) => ({
      name,
      settings: settings(runs[0].config, base[0].config),
      unified: estimate(runs.map(({ accuracy }) => accuracy)),
      difference: name === BASE ? undefined : differenceBySeed(seedsOf(runs), seedsOf(base)),
      up: Math.max(...runs.map(({ up }) => up)),
      told: runs[0].told,
    }))
    .toSorted((a, b) => b.unified.mean - a.unified.mean)
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1)

function differenceText({ name, difference, unified }, base) {
  if (name === BASE) return ''
  return difference ? intervalText(difference) : signedPoints(unified.mean - base.unified.mean)
}

/** @returns the cells of a table in Markdown, with its head */
export function leaderboardRows(folder, most = Number.POSITIVE_INFINITY) {
  const all = leaderboard(folder)
  const base = all.find(({ name }) => name === BASE)
  const rows = all.slice(0, most).map((group) => [
    // The name of a folder has no dash within a part.
    `\`${group.name.replaceAll('_', '-')}\``,
    group.settings,
    `**${plusMinus(group.unified, decimals)}**`,
    differenceText(group, base),
    megabytes(group.up),
    group.told.join(', ') || 'nothing',
  ])
  const head = ['method', `set otherwise than in \`${BASE}\``, 'unified accuracy', 'points from it, 95 % interval']
  return [[...head, 'MB up, each owner', 'told beside the weights'], ...rows]
}
