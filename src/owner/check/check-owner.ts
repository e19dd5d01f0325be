import { loadOwnData } from '../../data/load-dataset.ts'
import { labelHistogram } from '../../data/partition/partition.ts'
import { checkDataset } from '../../doctor/dataset.ts'
import { checkEngines } from '../../doctor/engines.ts'
import type { Finding } from '../../doctor/finding.ts'
import { checkMemory, checkNode } from '../../doctor/machine.ts'
import { FedunifyError, messageOf } from '../../errors.ts'
import { type OwnerFolder, readOwnerFolder } from '../../federation/setup/folders.ts'
import { readOwnerKeys } from '../../federation/setup/owner-keys.ts'
import { thousands } from '../../format.ts'
import { range } from '../../random.ts'
import { findPolicy, POLICY_NAME } from '../policy/read-policy.ts'
import { checkAccount } from './account.ts'
import { checkAddress, checkBroker } from './broker.ts'

export interface OwnerCheck {
  /** The owner's folder. */
  readonly dir: string
  /** Folder of its images. */
  readonly data: string | undefined
  /** Whether it would take a shard of the experiment's dataset. */
  readonly shard: boolean
  readonly signal: AbortSignal
  /** Milliseconds for all that is asked of others. */
  readonly patience?: number
}

/** Whether an owner could take part: its folder, its machine, and all on the way to its tasks. Never throws. */
export async function checkOwner({ dir, data, shard, signal, patience = 15_000 }: OwnerCheck): Promise<Finding[]> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  const folder = await readOwnerFolder(dir).catch((error: unknown) => error)
  const [own, federation] = isFolder(folder)
    ? [folderFindings(folder), checkFederation(folder, late)]
    : [[problem('folder', folder)], []]
  const parts = await Promise.all([
    own,
    ...(isFolder(folder) ? [checkKeys(dir, folder)] : []),
    checkPolicy(dir, signal),
    checkData(data, shard),
    checkMachine(late),
    federation,
  ])
  return parts.flat()
}

const isFolder = (read: unknown): read is OwnerFolder => !(read instanceof Error)

function folderFindings({ owner, name, federation, warnings }: OwnerFolder): Finding[] {
  const whole: Finding = {
    subject: 'folder',
    status: 'ok',
    detail: `owner ${owner}, ${name}, of federation ${federation}`,
  }
  return [whole, ...warnings.map((detail): Finding => ({ subject: 'folder', status: 'warning', detail }))]
}

/** Without them it takes part in all but masked sums. */
async function checkKeys(dir: string, folder: OwnerFolder): Promise<Finding> {
  const subject = 'keys'
  try {
    const keys = await readOwnerKeys(dir, folder)
    return { subject, status: 'ok', detail: `of ${keys.size} owners, for masked sums` }
  } catch (error) {
    const found = problem(subject, error)
    const missing = error instanceof FedunifyError && error.code === 'E_FEDERATION_FOLDER'
    return missing ? { ...found, status: 'absent' } : found
  }
}

/** One after the other: what lies behind a problem cannot be seen. */
async function checkFederation(folder: OwnerFolder, late: AbortSignal): Promise<Finding[]> {
  const address = await checkAddress(folder)
  if (address.status === 'problem') return [address]
  const { findings, reached } = await checkBroker(folder, late)
  return [address, ...findings, ...(reached ? await checkAccount(folder, late) : [])]
}

/** What an owner may keep, in words. */
const SHARED = [
  ['weights', 'weights (but under masks)'],
  ['metrics', 'metrics (accuracies, losses, the number of images to test on)'],
  ['labels', 'labels (how many images there are of each class)'],
] as const

async function checkPolicy(dir: string, signal: AbortSignal): Promise<Finding> {
  try {
    const policy = await findPolicy(dir, signal)
    if (!policy) {
      return {
        subject: 'policy',
        status: 'absent',
        detail: `no ${POLICY_NAME}: whatever an experiment asks is allowed`,
      }
    }
    const limits = [...Object.keys(policy.allow), ...Object.keys(policy.most)]
    const kept = SHARED.flatMap(([what, words]) => (policy.share[what] ? [] : [words]))
    const detail = [
      limits.length > 0 ? `limits ${limits.join(', ')}` : 'limits nothing',
      kept.length > 0 ? `keeps ${kept.join(' and ')}` : 'shares metrics and labels',
    ]
    return { subject: 'policy', status: 'ok', detail: detail.join('; ') }
  } catch (error) {
    return problem('policy', error)
  }
}

async function checkData(data: string | undefined, shard: boolean): Promise<Finding> {
  if (shard) return await checkDataset(data)
  if (data === undefined) {
    return { subject: 'data', status: 'absent', detail: 'not looked at: no folder was named with --data' }
  }
  try {
    const dataset = await loadOwnData('idx', data)
    const { count, trainCount, classNames, shape } = dataset
    const counts = labelHistogram(dataset, Uint32Array.from(range(count)))
    const classes = counts.flatMap((images, i) => (images > 0 ? [`${classNames[i]}: ${thousands(images)}`] : []))
    const images = `${thousands(trainCount)} images to train on, ${thousands(count - trainCount)} to test`
    return {
      subject: 'data',
      status: 'ok',
      detail: `${images}, ${shape.slice(1).join('x')}; by class ${classes.join(', ')}`,
    }
  } catch (error) {
    return { ...problem('data', error), data: true }
  }
}

/** Of the engine that owners train with; of GPUs those alone that are there. */
async function checkMachine(late: AbortSignal): Promise<Finding[]> {
  const engines = await checkEngines(late)
  return [
    checkNode(),
    checkMemory(),
    ...engines.filter(({ subject, status }) => /^onnx/.test(subject) && status !== 'absent'),
  ]
}

function problem(subject: string, error: unknown): Finding {
  const known = error instanceof FedunifyError ? error : undefined
  const hint = known?.hint?.split('\n')[0]
  return {
    subject,
    status: 'problem',
    detail: messageOf(error),
    ...(hint && { fix: hint }),
    ...(known?.kind === 'data' && { data: true }),
  }
}
