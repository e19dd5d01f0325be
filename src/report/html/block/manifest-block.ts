import { basename } from 'node:path'
import { CHOICE_KEYS, SHORT_KEYS } from '../../../config/parts/choice-keys.ts'
import { ExperimentSchema } from '../../../config/schema.ts'
import { duration, thousands } from '../../../format.ts'
import { type AnyChoice, choicesText, nameOf } from '../../../parts.ts'
import type { Manifest } from '../../../runs/run-description.ts'
import { sharedPath } from '../../../system/shared-path.ts'
import type { RecordGroup, RunRecord } from '../../run-record.ts'
import { scrollBox, table } from '../chart/figure.ts'
import { imagesIn } from '../figure/shards.ts'
import { type Content, html, type Markup } from '../markup.ts'
import { accuraciesAt, drivingRule } from '../verdict.ts'
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
    ['Experiment: changed from the defaults', [...changed, ...rulePairs(manifest)]],
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
      `${manifest.started.slice(0, 16).replace('T', ' ')} UTC`,
      ...(['total', 'train', 'merge', 'evaluate', 'write'] as const).map(time),
    ]
  })
  return table(head, rows)
}

/** Every key of the experiment that counts: those that were set, and those that are as by default. */
function configPairs(config: Manifest['config']): { changed: Pair[]; defaults: Pair[] } {
  const given: Record<string, unknown> = ExperimentSchema.parse({})
  const pairs = Object.entries(config)
    .filter(([name]) => !isIdle(config, name))
    .map(([name, value]) => {
      const isDefault = DERIVED.includes(name) || JSON.stringify(given[name]) === JSON.stringify(value)
      // Runs of before 0.5.0 have folders as they were typed.
      const shown = name === 'data' || name === 'out' ? sharedPath(String(value)) : value
      const pair: Pair = [name, name in CHOICE_KEYS ? choicesText(value as AnyChoice) : plain(shown)]
      return { isDefault, pair }
    })
  const of = (wanted: boolean) => pairs.filter(({ isDefault }) => isDefault === wanted).map(({ pair }) => pair)
  return { changed: of(false), defaults: of(true) }
}

/** Keys whose default depends on others. */
const DERIVED = ['name', 'owners', 'workers', 'seed']

/** Whether a key is an option of something that was not chosen: configs of before 0.4.0 have such. */
function isIdle(config: Manifest['config'], name: string): boolean {
  if (name === 'max-local-epochs') return config['until-local-accuracy'] === undefined
  const option = SHORT_KEYS.find(({ short }) => short === name)
  if (!option) return false
  const chosen = [config[option.key as keyof typeof config]].flat() as AnyChoice[]
  return !chosen.some((choice) => nameOf(choice) === option.part)
}

/** Merge rules of the user's own, by what was in their files. */
const rulePairs = ({ merge_rules = {} }: Manifest) =>
  Object.values(merge_rules).map(({ file, sha256 }): Pair => [file, digest(sha256)])

function plain(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ')
  if (Array.isArray(value)) return value.map((item) => describe(item)).join('; ')
  return typeof value === 'object' && value !== null ? describe(value) : String(value)
}

/** "conv2d, filters 32, kernel 3": what an object holds, its type first. */
function describe(object: object): string {
  return Object.entries(object)
    .map(([name, value]) =>
      name === 'type' ? String(value) : `${name} ${Array.isArray(value) ? value.join('+') : value}`,
    )
    .join(', ')
}

const digest = (hash: string) => html`<code title="${hash}">${hash.slice(0, 16)}…</code>`
