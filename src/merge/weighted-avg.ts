import { type MergeRule, mergeTensors, weightedMean } from './rule.ts'

export const weightedAvg: MergeRule = {
  name: 'weighted-avg',
  summary: "mean of the owners' weights, each counted by its training images",
  source: 'FedAvg: McMahan et al. 2017, arXiv:1602.05629, algorithm 1',
  streaming: true,
  merge: (owners) =>
    mergeTensors(owners, (values, out) =>
      weightedMean(
        values,
        owners.map((owner) => owner.trainImages),
        out,
      ),
    ),
}
