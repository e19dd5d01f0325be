import { mean } from './mean.ts'
import { streamingRule } from './streaming.ts'

export const weightedAvg = streamingRule(
  {
    name: 'weighted-avg',
    summary: "mean of the owners' weights, each counted by its training images",
    source: 'FedAvg: McMahan et al. 2017, arXiv:1602.05629, algorithm 1',
  },
  mean(({ trainImages }) => trainImages),
)
