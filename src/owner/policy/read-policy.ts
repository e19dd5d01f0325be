import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { isAboutFile } from '../../config/config-format.ts'
import { toJsonSchema } from '../../config/json-schema.ts'
import { isMapping, omit } from '../../config/mapping.ts'
import { describeProblem, first } from '../../config/problem.ts'
import { show } from '../../config/show.ts'
import { readYaml } from '../../config/source.ts'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { POLICY_FILE, type Policy, PolicySchema } from './policy.ts'

/** The name of the policy in an owner's folder. */
export const POLICY_NAME = 'policy.yaml'

/** Names that somebody may have meant to be that. */
const NEAR = ['policy.yml', 'Policy.yaml', 'policy.yaml.txt']

/** What a policy may hold, for messages. It chooses no parts: it names them. */
const VOCABULARY = { choices: {}, options: [], json: () => toJsonSchema(PolicySchema) }

/**
 * The policy in a file, every default filled in; an empty file is the open policy.
 * @param file `-` is standard input
 * @throws FedunifyError (usage) naming file and line if it cannot be read, a key or a value is not legal, or it is of a
 *   newer format: what is not understood is not taken for less than it may mean
 */
export async function readPolicy(file: string, signal?: AbortSignal): Promise<Policy> {
  const { value, where } = await readYaml(file, { signal, kind: POLICY_FILE })
  if (value !== null && !isMapping(value)) {
    const got = Array.isArray(value) ? 'a list' : show(value)
    throw new FedunifyError('E_CONFIG', `${where([])}: expected keys and values, got ${got}`, 'write key: value lines')
  }
  const parsed = PolicySchema.safeParse(sections(value ?? {}), { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), where, undefined, VOCABULARY)
  return parsed.data
}

/**
 * The policy in an owner's folder; undefined if there is none.
 * @throws FedunifyError (usage) as `readPolicy`, and if a file of nearly its name is there: that would allow everything
 */
export async function findPolicy(folder: string, signal?: AbortSignal): Promise<Policy | undefined> {
  const file = join(folder, POLICY_NAME)
  // Not stat: a link that leads nowhere was meant to be a policy.
  if (await isThere(file)) return await readPolicy(file, signal)
  for (const name of NEAR) {
    if (!(await isThere(join(folder, name)))) continue
    const message = `${join(folder, name)}: a policy is named ${POLICY_NAME}, and this one would not be read`
    throw new FedunifyError('E_CONFIG_FILE', message, `rename it to ${POLICY_NAME}`)
  }
  return undefined
}

/** A key whose own keys are all behind a # has no value, and means what it means if it is left out. */
const sections = (value: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(omit(value, isAboutFile)).map(([key, section]) => [key, section ?? {}]))

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return false
    throw new FedunifyError('E_CONFIG_FILE', `${path}: ${messageOf(error)}`, undefined, { cause: error })
  }
}
