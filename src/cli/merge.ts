import { type Command, Option } from 'commander'
import { CHOICE_KEYS } from '../config/parts/choice-keys.ts'
import { FedunifyError } from '../errors.ts'
import { counted, dataSize, duration } from '../format.ts'
import { type MergeRequest, mergeFiles } from '../offline/merge-files.ts'
import { readRecipe } from '../offline/request/recipe.ts'
import { chosenRule } from '../offline/request/rule.ts'
import { sizeOf, weightsOf } from '../offline/request/written.ts'
import { oneLine } from '../visible.ts'
import { FLOAT_NAMES, type FloatName } from '../weights/safetensors/dtype.ts'
import { namesOf } from './experiment-options.ts'
import { drawnOn, type Io, progressView } from './io.ts'
import { printPath } from './made.ts'

const help = () => `
A model is a safetensors file, the index of several (model.safetensors.index.json), or a folder that has one of them, such
as that of a run. All must have the same tensors. They are read piece by piece: memory holds a few MB of each, or one
tensor of each for rules that need it whole. Values are merged as float32 and rounded to the nearest value of their type.
Tensors of whole numbers must be the same in all models, and are copied.

Beside the model comes OUT.card.json: rule, options, and SHA-256 of every file that was read.

${namesOf('rule', CHOICE_KEYS.merge.parts, CHOICE_KEYS.merge.own)}
Examples:
  fedunify merge a.safetensors b.safetensors -o merged.safetensors
  fedunify merge a.safetensors b.safetensors --rule weighted-avg --weights 1,2 -o weighted.safetensors
  fedunify merge a.safetensors b.safetensors --rule absmax --dtype bfloat16 -o absmax.safetensors
  fedunify merge results/a/1 results/b/1 --rule ./my-rule.mjs:p=0.4 -o runs.safetensors
  fedunify merge a.safetensors b.safetensors --shard-size 2GB -o merged
  fedunify merge --recipe recipe.yaml
`

interface MergeOptions {
  readonly rule?: string
  readonly weights?: string
  readonly base?: string
  readonly out?: string
  readonly dtype?: FloatName
  readonly shardSize?: string
  readonly recipe?: string
  readonly force?: boolean
  readonly quiet?: true
}

export function addMergeCommand(program: Command, io: Io): void {
  program
    .command('merge')
    .summary('merge safetensors models, without a run')
    .description('Makes one model of several with the same tensors, by a merge rule, whatever trained them.')
    .argument('[models...]', 'safetensors files, indexes of sharded ones, or folders that have one')
    .option('--rule <name>', 'merge rule, with options as in ties:density=0.2 (default: avg)')
    .option('--weights <list>', 'how much each model counts, for rules that take it: 1,2')
    .option('--base <file>', 'the model that the others were trained from, for rules that need it')
    .option('-o, --out <file>', 'the merged model')
    .addOption(
      new Option('--dtype <name>', 'type of the merged values (default: as in the models)').choices(FLOAT_NAMES),
    )
    .option('--shard-size <size>', 'write a folder of files of this size at most, and an index: 2GB')
    .option('--recipe <file>', 'take all of this from a YAML file: models (path, weight), base, rule, dtype, out')
    .option('--force', 'replace a model that is there')
    .option('--quiet', 'no progress, only the result')
    .addHelpText('after', help)
    .action((models: string[], options: MergeOptions) => merge(models, options, io))
}

async function merge(models: readonly string[], options: MergeOptions, io: Io): Promise<void> {
  const request = await (options.recipe === undefined
    ? fromFlags(models, options)
    : fromRecipe(models, options, io.signal))
  const view = progressView(io, options.quiet === true)
  const began = performance.now()
  const live = drawnOn(io) !== undefined
  let told = 0
  try {
    const made = await mergeFiles(request, {
      signal: io.signal,
      progress(done, total) {
        if (!live || performance.now() - told < REDRAWN) return
        told = performance.now()
        view.transfer(`${dataSize(done)} of ${dataSize(total)}`, done / total)
      },
    })
    const seconds = duration((performance.now() - began) / 1000)
    const count = counted(request.models.length, 'model')
    const what = `${count}, ${counted(made.tensors, 'tensor')}, ${dataSize(made.bytes)}`
    view.note(`merged ${what} in ${seconds}; card: ${oneLine(made.card)}`)
  } catch (error) {
    if (!io.signal.aborted) throw error
    throw new FedunifyError('E_INTERRUPTED', 'interrupted', 'nothing was written', { cause: error })
  } finally {
    view.stop()
  }
  await printPath(request.out, io)
}

/** Milliseconds between two states of the bar. */
const REDRAWN = 100

async function fromFlags(models: readonly string[], options: MergeOptions): Promise<MergeRequest> {
  const { rule = 'avg', weights, base, dtype, shardSize, force = false } = options
  if (models.length === 0) throw new FedunifyError('E_OPTION', 'no models are named', 'see fedunify merge --help')
  return {
    models,
    weights: weightsOf(weights, models.length),
    base,
    rule: await chosenRule({ value: rule, place: '--rule' }),
    dtype,
    out: named(options.out),
    shard: shardSize === undefined ? undefined : sizeOf(shardSize, '--shard-size'),
    force,
  }
}

/** A recipe says it all, but where to may be said here too. */
async function fromRecipe(
  models: readonly string[],
  { recipe, out, force = false, quiet: _, ...others }: MergeOptions,
  signal: AbortSignal,
): Promise<MergeRequest> {
  const [other] = [
    ...models,
    ...Object.keys(others).map((key) => `--${key.replace(/[A-Z]/g, (l) => `-${l.toLowerCase()}`)}`),
  ]
  if (other !== undefined) {
    throw new FedunifyError(
      'E_CONFLICT',
      `${other} beside --recipe`,
      'write it into the recipe: only --out and --force stand beside it',
    )
  }
  const read = await readRecipe(recipe!, signal)
  return { ...read, out: named(out ?? read.out), force }
}

function named(out: string | undefined): string {
  if (out) return out
  throw new FedunifyError('E_OPTION', 'it is not said where the merged model goes', 'name it: --out merged.safetensors')
}
