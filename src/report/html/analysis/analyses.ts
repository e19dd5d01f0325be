import type { RecordGroup, RunRecord } from '../../run-record.ts'
import type { Markup } from '../markup.ts'
import { auditFigures } from './audit.ts'
import { betweenFigure } from './between-owners.ts'
import { confusedFigure } from './confused-pairs.ts'
import { contributionFigures } from './contributions.ts'
import { lossesFigure } from './losses.ts'
import { oppositionFigure } from './opposition.ts'
import { rulesFigure } from './rules.ts'

/** What explain, remerge and audit found out about the runs of a group; of several seeds, those of each that has any. */
export function analysisFigures(id: string, { runs }: RecordGroup): (Markup | undefined)[] {
  if (runs.length === 1) return figuresOf(id, runs[0]!, '')
  return runs.flatMap((run) => {
    const { seed } = run.manifest.config
    return figuresOf(`${id}-s${seed}`, run, `, seed ${seed}`)
  })
}

function figuresOf(id: string, { analyses, manifest }: RunRecord, of: string): (Markup | undefined)[] {
  const { explained, remerged, audited } = analyses
  return [
    ...(explained
      ? [
          lossesFigure(`${id}-losses`, explained, of),
          confusedFigure(`${id}-pairs`, explained, manifest.dataset.class_names, of),
          explained.opposition && oppositionFigure(`${id}-opposition`, explained.opposition, of),
          explained.line && betweenFigure(`${id}-between`, explained.line, of),
        ]
      : []),
    ...remerged.flatMap((table, i) => {
      const [own, what] = [`${id}-${i === 0 ? 'rules' : `rules${i + 1}`}`, `${withoutText(table.without)}${of}`]
      return [rulesFigure(own, table, what), ...contributionFigures(own, table, what)]
    }),
    ...(audited ? auditFigures(`${id}-attacks`, audited, manifest.dataset.class_names, of) : []),
  ]
}

const withoutText = (owners: readonly number[]): string =>
  owners.length === 0 ? '' : `, without owner ${owners.join(' and ')}`
