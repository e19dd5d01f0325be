import { FedunifyError } from '../errors.ts'
import type { Manifest } from './run-description.ts'
import { BLANK_SEAL, sealed, sealState } from './seal.ts'

/** The first format whose manifests are sealed. */
const SEALED_FORMAT = 3

const SEAL = 'manifest_sha256'
/** Of the manifest's own keys: deeper ones are indented further, and text has no line of its own. */
const SEAL_KEY = `\n  "${SEAL}": "`

/** Whether a run says of all its files what they are, its manifest included. */
export const isSealed = ({ format = 0 }: Pick<Manifest, 'format'>): boolean => format >= SEALED_FORMAT

/** @throws FedunifyError (data) if the manifest is not as it was written */
export function assertSealed(content: Uint8Array, manifest: Manifest, file: string): void {
  const state = sealState(content, SEAL_KEY)
  if (state === 'whole' || (!isSealed(manifest) && !(SEAL in manifest))) return
  const why = state === 'none' ? `it has no ${SEAL} any more` : `it is not what its ${SEAL} was made of`
  throw new FedunifyError('E_RUN_DAMAGED', `${file}: ${why}`, 'the file was edited')
}

/** A manifest as it is written: with its own digest (docs/formats.md). */
export const sealedManifest = (manifest: object): Buffer => sealedParts(partOf(manifest))

/**
 * A manifest whose last part was made into text before, by `partOf`: it stays the same from round to round, and with many
 * owners it is long.
 */
export const sealedParts = (...parts: readonly Uint8Array[]): Buffer => {
  const before = parts.flatMap((part) => [part, Buffer.from(',')])
  const pieces = [Buffer.from('{'), ...before, partOf({ [SEAL]: BLANK_SEAL }), Buffer.from('\n}\n')]
  return sealed(Buffer.concat(pieces), SEAL_KEY)
}

/** The text of some of a manifest's keys, at least one. */
export const partOf = (some: object): Buffer => Buffer.from(manifestText(some).slice(1, -3))

/** JSON for people too: lists of numbers stay on one line. */
export function manifestText(manifest: object): string {
  const list = /\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g
  return `${JSON.stringify(manifest, null, 2).replace(list, (_, items: string) => `[${items.replace(/\s+/g, ' ')}]`)}\n`
}
