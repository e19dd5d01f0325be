import { type MergeRule, mergeTensors, select } from './rule.ts'

export const max: MergeRule = {
  name: 'max',
  summary: 'largest value of each weight',
  source: 'Lee 2021, eq. 5',
  streaming: true,
  merge: (owners) => mergeTensors(owners, (values, out) => select(values, out, (candidate, held) => candidate > held)),
}
