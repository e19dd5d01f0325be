import { ERRORS, type ErrorCode, FedunifyError, messageOf } from '../../errors.ts'
import type { KnownOwner } from './server-post.ts'
import type { Reply, ReplyOf } from './wire.ts'

export const NOT_MERGED = 'nothing of it was merged'
export const RESUME = 'the round does not count: resume the run once the owners are back'
export const STAYS_MASKED =
  'without it the sum stays masked, and the round does not count: resume the run once all owners are back'

export const failure = ({ owner, name }: KnownOwner, code: ErrorCode, what: string, hint: string) =>
  new FedunifyError(code, `owner ${name} ${what}`, hint, { owner })

/** Whether an owner may fail with this code here: it must not end the server as an interruption or a missed gate does. */
const isOwners = (code: string): code is ErrorCode =>
  Object.hasOwn(ERRORS, code) && ['usage', 'data', 'training'].includes(ERRORS[code as ErrorCode].kind)

/** @throws FedunifyError (training) if an owner answers with something else */
export function expect<W extends Reply['what']>(reply: Reply, what: W, owner: KnownOwner): ReplyOf<W> {
  if (reply.what === what) return reply as ReplyOf<W>
  if (reply.what === 'refused') {
    throw failure(
      owner,
      'E_OWNER_REFUSED',
      `refuses: ${reply.reasons.join('; ').slice(0, 1000)}`,
      'its policy is its own: ask the owner',
    )
  }
  if (reply.what !== 'failed')
    throw failure(owner, 'E_PROTOCOL', `answered ${reply.what}, expected ${what}`, NOT_MERGED)
  const { code, message, hint, round, tensor } = reply
  const known = isOwners(code) ? code : 'E_OWNER_FAILED'
  throw new FedunifyError(known, `owner ${owner.name}: ${message.slice(0, 1000)}`, hint ?? undefined, {
    owner: owner.owner,
    ...(round !== null && { round }),
    ...(tensor !== null && { tensor }),
  })
}

/**
 * Those of the answers that count: all of them, or, if owners may be absent, those that came in time.
 * @param least how many owners must answer in time
 * @throws FedunifyError (training) if too few came in time
 */
export async function answersInTime<T>(
  asked: readonly Promise<T>[],
  least: number,
  note: (line: string) => void,
): Promise<readonly (T | Promise<T>)[]> {
  if (least >= asked.length) return asked
  const settled = await Promise.allSettled(asked)
  const late = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  const other = late.find((error) => !(error instanceof FedunifyError && error.code === 'E_OWNER_FAILED'))
  if (other !== undefined) throw other
  const came = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (came.length >= least) {
    for (const error of late) note(`${messageOf(error)}: the round goes on without it`)
    return came
  }
  const message = `${came.length} of ${asked.length} owners answered in time, ${least} must (--min-owners)`
  throw new FedunifyError('E_OWNER_FAILED', `${message}: ${late.map(messageOf).join('; ')}`, RESUME)
}
