import { basename } from 'node:path'
import { CHOICE_KEYS } from '../../config/parts/choice-keys.ts'
import { ExperimentSchema } from '../../config/schema.ts'
import { duration, thousands } from '../../format.ts'
import { type AnyChoice, choicesText } from '../../parts.ts'
import type { Manifest } from '../../runs/run-description.ts'
import { sharedPath } from '../../system/shared-path.ts'
import type { RecordGroup, RunRecord } from '../run-record.ts'
import { table } from './chart/figure.ts'
import { type Content, html, type Markup } from './markup.ts'
import { imagesIn } from './shards.ts'
import { trafficPairs } from './traffic.ts'
import { accuraciesAt, drivingRule } from './verdict.ts'

/** A title, and names with values; those that were changed are bold. */
type Part = [string, [string, Content, boolean?][]]

/** What was run, on what, by what: the manifests of a group, in which only the seeds' parts differ. */
export function manifestBlock(id: string, { runs }: RecordGroup): Markup {
  const { manifest } = runs[0]!
  const { config, dataset, model, engine, machine } = manifest
  const traffic = trafficPairs(runs[0]!)
  const facts: Part[] = [
    ['Experiment', [...configPairs(config), ...rulePairs(manifest)]],
    [
      'Data',
      [
        ['dataset', `${dataset.name}, ${thousands(imagesIn(manifest.shards))} of ${thousands(dataset.images)} images`],
        ['read from', html`<code>${sharedPath(dataset.source)}</code>`],
        ...Object.entries(dataset.sha256).map(([file, hash]): [string, Content] => [
          file.replace(/-idx\d-ubyte$/, ''),
          digest(hash),
        ]),
      ],
    ],
    [
      'Model',
      [
        ['parameters', thousands(model.parameters)],
        ...model.layers.map(({ name, output, ...layer }): [string, Content] => [
          name,
          `${describe(layer)} → ${output.join('×')}`,
        ]),
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
  const parts = facts.map(
    ([title, pairs]) =>
      html`<div class="part"><h4>${title}</h4><dl>${pairs.map(([name, value, changed]) => html`<div class="pair"><dt>${name}</dt><dd${changed && html` class="changed"`}>${value}</dd></div>`)}</dl></div>`,
  )
  return html`<section class="block long" id="${id}"><h3>What was run</h3>
<p class="muted">From manifest.json${traffic.length > 0 && ' and traffic.csv'}. Values that are not the defaults are bold.${runs.length > 1 && ' Where seeds have a value of their own, the first one’s stands here.'}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Runs">${runsTable(runs)}</div>
<div class="columns">${parts}</div></section>
`
}

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

/** Every key of the experiment, and whether it was set. */
function configPairs(config: Manifest['config']): [string, Content, boolean][] {
  const defaults: Record<string, unknown> = ExperimentSchema.parse({})
  const derived = ['name', 'owners', 'workers', 'seed']
  return Object.entries(config).map(([name, value]) => {
    const isDefault = derived.includes(name) || JSON.stringify(defaults[name]) === JSON.stringify(value)
    // Runs of before 0.5.0 have folders as they were typed.
    const shown = name === 'data' || name === 'out' ? sharedPath(String(value)) : value
    return [name, name in CHOICE_KEYS ? choicesText(value as AnyChoice) : plain(shown), !isDefault]
  })
}

/** Merge rules of the user's own, by what was in their files. */
const rulePairs = ({ merge_rules = {} }: Manifest) =>
  Object.values(merge_rules).map(({ file, sha256 }): [string, Content, boolean] => [file, digest(sha256), true])

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
