import { dataSize } from '../../format.ts'
import type { TrafficTotals } from '../traffic.ts'

/** 37 MB down and 34 MB up in all, 1.9 MB and 1.7 MB for each owner and round */
export function trafficText({ all, each, even }: TrafficTotals): string {
  const share = `${even ? '' : 'on average '}${dataSize(each.down)} and ${dataSize(each.up)} for each owner and round`
  return `models and updates: ${dataSize(all.down)} down and ${dataSize(all.up)} up in all, ${share}`
}
