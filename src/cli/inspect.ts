import type { Command } from 'commander'
import { FedunifyError } from '../errors.ts'
import { inspectModel } from '../offline/inspect/inspect.ts'
import { INSPECTION_FORMATS } from '../report/terminal/inspection.ts'
import { addFormatOptions, type FormatName } from './format-option.ts'
import type { Io } from './io.ts'

const HELP = `
A model is a safetensors file, the index of several (model.safetensors.index.json), or a folder that has one of them, such
as that of a run. It is read piece by piece, whatever its size.

norm is the Euclidean length of a tensor, √Σ x². Norm, min, max and mean are of the finite values; NaN and inf count the
others. Types without numbers here (float8, complex) have dashes.

Examples:
  fedunify inspect a.safetensors
  fedunify inspect results/a/1 --json
  fedunify inspect merged.safetensors --md
`

export function addInspectCommand(program: Command, io: Io): void {
  const command = program
    .command('inspect')
    .summary('list the tensors of a safetensors model')
    .description('Lists the tensors of a model: type, shape, number of values, norm, extremes, mean, NaN and infinity.')
    .argument('<model>', 'safetensors file, index of a sharded one, or folder that has one')
  addFormatOptions(command)
    .addHelpText('after', HELP)
    .action((model: string, { format }: { format: FormatName }) => inspect(model, format, io))
}

async function inspect(model: string, format: FormatName, io: Io): Promise<void> {
  try {
    io.out(INSPECTION_FORMATS[format](await inspectModel(model, io.signal), io.width))
  } catch (error) {
    if (!io.signal.aborted) throw error
    throw new FedunifyError('E_INTERRUPTED', 'interrupted', undefined, { cause: error })
  }
}
