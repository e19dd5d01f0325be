import { dataSize } from '../../../format.ts'
import { extremes } from '../../../stats.ts'
import type { RunRecord } from '../../run-record.ts'
import { type Bytes, trafficTotals } from '../../traffic.ts'

/** More owners than this are told by their extremes. */
const MAX_OWNERS = 24

/** What travelled in a run, by owner if not all had the same; empty if the run did not count it. */
export function trafficPairs(run: RunRecord): [string, string][] {
  const totals = trafficTotals(run)
  if (!totals) return []
  const { all, each, even, owners } = totals
  return [
    ['in all', bytesText(all)],
    [`each owner and round${even ? '' : ', on average'}`, bytesText(each)],
    ...unevenPairs([...owners]),
  ]
}

function unevenPairs(owners: readonly (readonly [number, Bytes])[]): [string, string][] {
  const [first] = owners.map(([, bytes]) => bytes)
  if (owners.every(([, { down, up }]) => down === first!.down && up === first!.up)) return []
  if (owners.length <= MAX_OWNERS) return owners.map(([owner, bytes]) => [`owner ${owner}`, bytesText(bytes)])
  const spread = (what: keyof Bytes): string => {
    const { min, median, max } = extremes(owners.map(([, bytes]) => bytes[what]))
    return `${dataSize(min)} to ${dataSize(max)}, median ${dataSize(median)}`
  }
  return [
    ['down, by owner', spread('down')],
    ['up, by owner', spread('up')],
  ]
}

const bytesText = ({ down, up }: Bytes) => `${dataSize(down)} down, ${dataSize(up)} up`
