import { InvalidArgumentError } from 'commander'

/** The value of an option that takes a number of things. */
export function positive(value: string): number {
  const n = Number(value)
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number of at least 1')
  return n
}

/** The value of an option that takes an amount. */
export function aboveZero(value: string): number {
  const n = Number(value)
  if (!(n > 0)) throw new InvalidArgumentError('expected a number above 0')
  return n
}
