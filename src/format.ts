import type { Estimate } from './stats.ts'

/** 30000 → 30,000. (toLocaleString would first load what it knows of languages, which takes longer than a table.) */
export const thousands = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',')

/** 1 round, 2 rounds. */
export const roundsText = (n: number): string => `${n} ${n === 1 ? 'round' : 'rounds'}`

/** 1 tensor, 2,000 tensors. */
export const counted = (n: number, noun: string): string => `${thousands(n)} ${noun}${n === 1 ? '' : 's'}`

/** A fraction as percent with two decimals, as the paper prints accuracies. */
export const percent = (fraction: number): string => decimals(100 * fraction)

/** A number with so many digits at most: 0.1, 12.3, 1.2e-7. */
export const significant = (value: number, digits: number): string => String(Number(value.toPrecision(digits)))

export const decimals = (value: number): string => value.toFixed(2)

/** 70.00 ± 1.20, each as `text` writes it; without the deviation if there is none, as of a single value. */
export const plusMinus = ({ mean, sd }: Estimate, text: (value: number) => string): string =>
  Number.isNaN(sd) ? text(mean) : `${text(mean)} ± ${text(sd)}`

/** 12.3 GB or 512 MB, in powers of ten. */
export const bytes = (n: number): string => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.floor(n / 1e6)} MB`)

/** Seconds as people say them: 8.4 s, 1 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** Bytes as people say them: 0.3 GB, 34.4 GB. */
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** 312 bytes, 1.7 MB, 34 MB, 1.2 GB: two digits or more, in powers of ten. */
export function dataSize(n: number): string {
  let [value, unit] = [n, 0]
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : thousands(value)} ${SIZES[unit]}`
}

const SIZES = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

/** Decimals without zeros at the end, but for two. */
export const atLeastTwo = (decimals: string): string => decimals.replace(/(?<=\.\d\d.*)0+$/, '')

/** 2026-11-26 20:03 UTC */
export const clock = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')} UTC`
