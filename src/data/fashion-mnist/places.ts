import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { cacheFolder } from '../../system/cache.ts'
import { type RunCommand, runCommand } from './command.ts'
import { DEBIAN_FOLDER } from './debian.ts'
import { FASHION_MNIST, type KnownFiles, MIRRORS } from './known-files.ts'

/** Where data may come from. The defaults are the real places; tests put their own in. */
export interface Places {
  /** The folder below the current one that is looked at first. */
  readonly project: string
  /** The folder that fetched files are put into, which all folders of this user share. */
  readonly cache: string
  /** The folder that a system package installs. */
  readonly system: string
  /** Addresses that end in a slash. */
  readonly mirrors: readonly string[]
  /** Whether Debian's package is fetched if no mirror serves. */
  readonly debian: boolean
  readonly run: RunCommand
  /** A mirror that sends nothing for this long is given up, in milliseconds. */
  readonly stallMs: number
  /** What the four files must hold. */
  readonly known: KnownFiles
}

/** How a dataset may be fetched. */
export interface Access {
  /** Nothing is fetched; default: whether FEDUNIFY_OFFLINE is set. */
  readonly offline?: boolean | undefined
  /** The address of a mirror, instead of all other sources; default: FEDUNIFY_MIRROR. */
  readonly mirror?: string | undefined
  readonly places?: Partial<Places> | undefined
}

const NAME = 'fashion-mnist'

/**
 * The places that are meant; a mirror that was named is the only source.
 * @throws FedunifyError (usage) if its address is none
 */
export function placesOf({ mirror = process.env.FEDUNIFY_MIRROR || undefined, places }: Access = {}): Places {
  const data = process.env.FEDUNIFY_DATA || join(cacheFolder(), 'data')
  return {
    project: join('data', NAME),
    cache: join(data, NAME),
    system: DEBIAN_FOLDER,
    mirrors: mirror === undefined ? MIRRORS : [mirrorAddress(mirror)],
    debian: mirror === undefined,
    run: runCommand,
    stallMs: 8_000,
    known: FASHION_MNIST,
    ...places,
  }
}

/** Whether nothing may be fetched. */
export const isOffline = ({ offline }: Access): boolean =>
  offline ?? !['', '0'].includes(process.env.FEDUNIFY_OFFLINE ?? '')

function mirrorAddress(given: string): string {
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given.replace(/\/*$/, '/')
  throw new FedunifyError(
    'E_OPTION',
    `mirror "${given}": expected an http or https address`,
    'give the folder that has the four .gz files, for example --mirror https://host/fashion-mnist/',
  )
}
