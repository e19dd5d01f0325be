import { type MergeRule, mergeTensors, weightedMean } from './rule.ts'

export const avg: MergeRule = {
  name: 'avg',
  summary: "mean of the owners' weights",
  source: 'Lee 2021, eq. 4',
  streaming: true,
  merge: (owners) =>
    mergeTensors(owners, (values, out) =>
      weightedMean(
        values,
        owners.map(() => 1),
        out,
      ),
    ),
}
