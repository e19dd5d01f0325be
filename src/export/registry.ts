/** Every form of an export, by the name that `--to` takes, and the name of what it makes. */
export const EXPORTS = {
  csv: { summary: 'one row a figure, as CSV', makes: 'export.csv' },
  parquet: { summary: 'the same table, as Parquet', makes: 'export.parquet' },
  tensorboard: { summary: "a folder for `tensorboard --logdir`, with a run's scalars in each", makes: 'tensorboard' },
  mlflow: { summary: 'runs on an MLflow server, which --tracking-uri names', makes: undefined },
} as const

export type ExportName = keyof typeof EXPORTS
export const EXPORT_NAMES = Object.keys(EXPORTS) as ExportName[]
