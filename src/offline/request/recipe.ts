import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type FileKind, isAboutFile } from '../../config/config-format.ts'
import { toJsonSchema } from '../../config/json-schema.ts'
import { isMapping, omit } from '../../config/mapping.ts'
import { describeProblem, first } from '../../config/problem.ts'
import { STDIN } from '../../config/read.ts'
import { show } from '../../config/show.ts'
import { readYaml } from '../../config/source.ts'
import { FedunifyError } from '../../errors.ts'
import { FLOAT_NAMES } from '../../weights/safetensors/dtype.ts'
import type { MergeRequest } from '../merge-files.ts'
import { chosenRule } from './rule.ts'
import { sizeOf } from './written.ts'

const RECIPE_FILE: FileKind = { one: 'a recipe', name: 'recipe', format: 1, example: 'recipe.yaml' }

const path = z.string().min(1)

const RecipeSchema = z.strictObject({
  models: z
    .array(z.union([path, z.strictObject({ path, weight: z.number().gt(0).optional() })]))
    .min(1)
    .describe('the models: paths, or each with its weight'),
  base: path.optional().describe('the model that the others were trained from'),
  rule: z
    .union([z.string().min(1), z.record(z.string(), z.unknown())])
    .default('avg')
    .describe('the merge rule'),
  dtype: z.enum(FLOAT_NAMES).optional().describe('type of the merged values; left out: as in the models'),
  out: path.optional().describe('where the merged model goes'),
  'shard-size': z.string().optional().describe('bytes of a file at most, of which there may be several'),
})

/** What a recipe may hold, for messages. */
const VOCABULARY = { choices: {}, options: [], json: () => toJsonSchema(RecipeSchema) }

/** A recipe, but for what the command line says besides. */
export type Recipe = Omit<MergeRequest, 'out' | 'force'> & { readonly out: string | undefined }

/**
 * What a YAML file says is to be merged. Paths in it start in its own folder.
 * @param file `-` is standard input
 * @throws FedunifyError (usage) naming file and line
 */
export async function readRecipe(file: string, signal?: AbortSignal): Promise<Recipe> {
  const { value, where } = await readYaml(file, { signal, kind: RECIPE_FILE })
  const given = value ?? {}
  if (!isMapping(given)) {
    const got = Array.isArray(given) ? 'a list' : show(given)
    throw new FedunifyError('E_CONFIG', `${where([])}: expected keys and values, got ${got}`, 'write key: value lines')
  }
  const parsed = RecipeSchema.safeParse(omit(given, isAboutFile), { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), where, undefined, VOCABULARY)
  const { models, base, rule, dtype, out, 'shard-size': shard } = parsed.data
  const folder = file === STDIN ? '.' : dirname(file)
  const at = (path: string) => (folder === '.' ? path : resolve(folder, path))
  const weights = models.map((model) => (typeof model === 'string' ? undefined : model.weight))
  const without = weights.indexOf(undefined)
  if (without >= 0 && weights.some((weight) => weight !== undefined)) {
    const message = `${where(['models', without])}: this model has no weight, and others have one`
    throw new FedunifyError('E_CONFIG', message, 'give each model a weight, or none')
  }
  return {
    models: models.map((model) => at(typeof model === 'string' ? model : model.path)),
    weights: weights.map((weight) => weight ?? 1),
    base: base === undefined ? undefined : at(base),
    rule: await chosenRule({ value: rule, place: where(['rule']), folder }),
    dtype,
    out: out === undefined ? undefined : at(out),
    shard: shard === undefined ? undefined : sizeOf(shard, where(['shard-size'])),
  }
}
