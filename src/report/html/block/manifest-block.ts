import { basename } from 'node:path'
import { clock, duration, thousands } from '../../../format.ts'
import { drivingRule, imagesIn, type Manifest } from '../../../runs/run-description.ts'
import { sharedPath } from '../../../system/shared-path.ts'
import { attendanceText } from '../../attendance.ts'
import { configPairs, describe } from '../../config-pairs.ts'
import type { RecordGroup, RunRecord } from '../../run-record.ts'
import { scrollBox, table } from '../chart/figure.ts'
import { type Content, html, type Markup } from '../markup.ts'
import { accuraciesAt } from '../verdict.ts'
import { trafficPairs } from './traffic.ts'

type Pair = readonly [name: string, value: Content]

/** A title, and names with values. */
type Part = [string, readonly Pair[]]

/** What was run, on what, by what: the manifests of a group, in which only the seeds' parts differ. */
export function manifestBlock(id: string, { runs }: RecordGroup): Markup {
  const { manifest } = runs[0]!
  const { config, dataset, model, engine, machine } = manifest
  const traffic = trafficPairs(runs[0]!)
  const { changed, defaults } = configPairs(config)
  const facts: Part[] = [
    ['Experiment: changed from the defaults', [...changed, ...rulePairs(manifest), ...attendancePairs(runs[0]!)]],
    [
      'Data',
      [
        ['dataset', `${dataset.name}, ${thousands(imagesIn(manifest.shards))} of ${thousands(dataset.images)} images`],
        ['read from', html`<code>${sharedPath(dataset.source)}</code>`],
        ...Object.entries(dataset.sha256).map(
          ([file, hash]): Pair => [file.replace(/-idx\d-ubyte$/, ''), digest(hash)],
        ),
      ],
    ],
    [
      'Model',
      [
        ['parameters', thousands(model.parameters)],
        ...model.layers.map(({ name, output, ...layer }): Pair => [name, `${describe(layer)} → ${output.join('×')}`]),
      ],
    ],
    ...(traffic.length > 0 ? [['Models and updates', traffic] satisfies Part] : []),
    [
      'Made with',
      [
        ['fedunify', manifest.fedunify],
        ['engine', `${engine.name} on ${engine.device}, ${engine.version}`],
        ['machine', `${machine.cpu ?? 'unknown processor'}, ${machine.cores} cores, ${machine.memory_gib} GiB`],
        ['system', `${machine.platform}, Node ${machine.node}`],
        [
          'git',
          manifest.git
            ? html`<code>${manifest.git.commit.slice(0, 12)}</code>${manifest.git.dirty ? ', with changes that are not committed' : ''}`
            : 'none',
        ],
        ['config hash', digest(manifest.config_hash)],
      ],
    ],
  ]
  return html`<section class="block long" id="${id}"><h3>What was run</h3>
<p class="muted">From manifest.json${traffic.length > 0 && ' and traffic.csv'}.${runs.length > 1 && ' Where seeds differ, the value of the first is shown.'}</p>
${scrollBox('Runs', runsTable(runs))}
<div class="columns">${facts.slice(0, 1).map(partBlock)}</div>
<details><summary>Defaults, data, model and machine</summary><div class="columns">${[['Experiment: defaults', defaults] satisfies Part, ...facts.slice(1)].map(partBlock)}</div></details></section>
`
}

function attendancePairs(run: RunRecord): Pair[] {
  const text = attendanceText(run)
  return text === undefined ? [] : [['who trained', text]]
}

const partBlock = ([title, pairs]: Part) =>
  html`<div class="part"><h4>${title}</h4><dl>${pairs.map(([name, value]) => html`<div class="pair"><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></div>`

function runsTable(runs: readonly RunRecord[]): Markup {
  const head = ['run', 'seed', 'status', 'rounds', 'unified %', 'began', 'time', 'train', 'merge', 'evaluate', 'write']
  const rows = runs.map((run): Content[] => {
    const { path, manifest, rounds } = run
    const { seconds, config } = manifest
    const [last] = accuraciesAt([run], drivingRule(run), 'end')
    const time = (part: 'total' | 'train' | 'merge' | 'evaluate' | 'write') => (seconds ? duration(seconds[part]) : '–')
    return [
      html`<code title="${sharedPath(path)}">${basename(path)}</code>`,
      config.seed,
      manifest.status,
      `${rounds} of ${config.rounds}`,
      last?.toFixed(2) ?? '–',
      clock(manifest.started),
      ...(['total', 'train', 'merge', 'evaluate', 'write'] as const).map(time),
    ]
  })
  return table(head, rows)
}

/** Merge rules of the user's own, by what was in their files. */
const rulePairs = ({ merge_rules = {} }: Manifest) =>
  Object.values(merge_rules).map(({ file, sha256 }): Pair => [file, digest(sha256)])

const digest = (hash: string) => html`<code title="${hash}">${hash.slice(0, 16)}…</code>`
