import { isIP } from 'node:net'
import { FedunifyError } from '../../errors.ts'

export const isOwnerName = (text: string): boolean => /^[a-z0-9-]{1,32}$/.test(text)

/** A name of the DNS, or an IP address: what looks like an address, but is none, is no name. */
export function isHost(text: string): boolean {
  if (isIP(text)) return !text.includes('%')
  const labels = text.split('.')
  const named = labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label))
  return named && text.length <= 253 && !/^\d+$/.test(labels.at(-1)!)
}

/** @throws FedunifyError (usage) if it is no name of an owner */
export function ownerName(text: string): string {
  if (isOwnerName(text)) return text
  throw new FedunifyError(
    'E_OPTION',
    `"${text}" is no name of an owner`,
    'a name has 1 to 32 small letters, digits and dashes, as in --owners alice,bob',
  )
}

/**
 * The names of owners, from a list with commas.
 * @throws FedunifyError (usage) if one is none, or comes twice
 */
export function ownerNames(list: string): string[] {
  const names = list.split(',').map((name) => ownerName(name.trim()))
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice === undefined) return names
  throw new FedunifyError('E_OPTION', `--owners: "${twice}" comes twice`, 'give each owner a name of its own')
}

/**
 * Names and addresses of the broker, from a list with commas; the first is that which all use.
 * @throws FedunifyError (usage) if one is none
 */
export function hostNames(list: string): string[] {
  const hosts = list.split(',').map((host) => host.trim().toLowerCase())
  const wrong = hosts.find((host) => !isHost(host))
  if (wrong === undefined) return [...new Set(hosts)]
  throw new FedunifyError(
    'E_OPTION',
    `--host: "${wrong}" is no name of a machine, and no IP address`,
    'name the machine of the broker as others reach it, as in --host broker.example.org,192.0.2.7',
  )
}

/**
 * A number that an option takes.
 * @throws FedunifyError (usage) if it is no whole number from `least` to `most`
 */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new FedunifyError('E_OPTION', `${option}: expected a whole number from ${least} to ${most}, got "${text}"`)
}

/** @throws FedunifyError (usage) if it is no number of days for a certificate */
export const validDays = (text: string): number => wholeNumber('--days', text, 1, 36_500)
