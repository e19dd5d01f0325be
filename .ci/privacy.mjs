// Tables of what attacks found, and of what noise costs in accuracy, from runs below results/reference and the audit.json
// beside them. Needs a build.
import { ascending, group } from 'd3-array'
import { decimals, plusMinus } from '../build/format.js'
import { epsilonText } from '../build/report/privacy-text.js'
import { estimate } from '../build/stats.js'
import { referenceRuns } from './reference-runs.mjs'

/** The runs of a batch, with what was found out of them. */
const runsOf = (folder) =>
  referenceRuns(folder).map(({ manifest: { config }, group, has, text, csv }) => ({
    group: group.replaceAll('_', '-'),
    config,
    audit: has('audit.json') ? JSON.parse(text('audit.json')).rows : [],
    noise: has('privacy.csv') ? csv('privacy.csv').at(-1) : undefined,
    accuracy: 100 * Number(csv('unified.csv').findLast(({ accuracy }) => accuracy !== '').accuracy),
  }))

const percent = (share) => `${Math.round(100 * share)} %`
const interval = ({ value, low, high }) => `${decimals(value)} (${decimals(low)} to ${decimals(high)})`
const error = (value) => (value > 0 && value < 0.01 ? value.toExponential(0) : decimals(value))

/** An attack, who makes it, what it is called in the table, and the cell of its first figure. */
const ATTACKS = [
  ['label-inference', 'server', 'classes found, by the server', ({ value }) => percent(value)],
  ['label-inference', 'owner', 'classes found, by the other owner', ({ value }) => percent(value)],
  ['membership-inference', 'user', 'members, by their loss: AUC', interval, 'loss'],
  ['membership-inference', 'user', 'members, by shadow models: AUC', interval, 'LiRA'],
  ['gradient-inversion', 'server', 'an image out of one step: error', ({ value }) => error(value)],
  ['property-inference', 'server', 'sizes of the shards: error', ({ value }) => error(value)],
]

const figureOf = ({ audit }, [name, by, , , of = '']) =>
  audit.find((row) => row.name === name && row.by === by && row.of.endsWith(of))?.measures[0]

/** @returns the cells of a table: a row for each attack, a column for each run; those that were not made are dashes */
export function auditedRows(folder, groups) {
  const runs = runsOf(folder)
  const named = groups.map((name) => runs.find(({ group }) => group === name))
  const rows = ATTACKS.map((attack) => {
    const figures = named.map((run) => figureOf(run, attack))
    const guess = figures.find((figure) => figure)?.guess
    const cell = attack[0] === 'label-inference' ? percent(guess) : error(guess)
    return [attack[2], cell, ...figures.map((figure) => (figure ? attack[3](figure) : '–'))]
  })
  const accuracies = named.map(({ accuracy }) => `${decimals(accuracy)} %`)
  return [
    ['', 'a guess', ...groups.map((name) => name.replaceAll('-', ' '))],
    ['unified accuracy', '10 %', ...accuracies],
    ...rows,
  ]
}

/** What the groups of a batch are told apart by, beside their noise. */
const APART = { owners: ({ owners }) => `${owners} owners`, env: ({ env }) => `environment ${env}` }

/** @returns the cells of a table: accuracy and what a user of the model finds out, by ε; over the seeds */
export function utilityRows(folder, key) {
  const rows = [...group(runsOf(folder), (run) => run.group).values()].map((runs) => {
    const [{ config, noise }] = runs
    const figure = (attack, digits) => {
      const found = runs.map((run) => figureOf(run, attack)?.value).filter((value) => value !== undefined)
      return found.length === 0 ? '–' : plusMinus(estimate(found), digits)
    }
    const epsilon = config.privacy.epsilon ?? Number.POSITIVE_INFINITY
    return {
      of: config[key],
      epsilon,
      cells: [
        APART[key](config),
        Number.isFinite(epsilon) ? String(epsilon) : 'no noise',
        Number.isFinite(epsilon) ? epsilonText(Number(noise.epsilon)) : '–',
        `**${plusMinus(estimate(runs.map(({ accuracy }) => accuracy)), decimals)}**`,
        String(runs.length),
        figure(ATTACKS[2], (x) => x.toFixed(3)),
        figure(ATTACKS[3], (x) => x.toFixed(3)),
      ],
    }
  })
  rows.sort((a, b) => ascending(a.of, b.of) || ascending(a.epsilon, b.epsilon))
  const head = [
    '',
    'ε allowed',
    'ε spent',
    'unified accuracy',
    'seeds',
    'members by loss: AUC',
    'by shadow models: AUC',
  ]
  return [head, ...rows.map(({ cells }) => cells)]
}
