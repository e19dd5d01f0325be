import type { Command } from 'commander'
import type { Access } from '../data/fashion-mnist/places.ts'

/** Options of every command that may fetch a dataset. */
export interface FetchFlags {
  readonly offline?: true
  readonly mirror?: string
}

export type FetchAccess = Pick<Access, 'offline' | 'mirror'>

/** Gives a command the options that say how a dataset is fetched, and whether. */
export const addFetchOptions = (command: Command): Command =>
  command
    .option('--offline', 'fetch nothing (default: FEDUNIFY_OFFLINE)')
    .option('--mirror <url>', 'the only address to fetch Fashion-MNIST from (default: FEDUNIFY_MIRROR)')

/** What of a command's options says how a dataset is fetched. */
export const accessOf = ({ offline, mirror }: FetchFlags): FetchAccess => ({ offline, mirror })
