/** Where a run folder keeps the owners' weights, if it does. */
export const OWNERS = 'owners'

/** Of a round: a file for each owner, and one for the model that they received. */
export const keptFolder = (round: number): string => `${OWNERS}/round-${String(round).padStart(4, '0')}`

export const ownerFile = (round: number, owner: number): string => `${keptFolder(round)}/owner-${owner}.safetensors`

export const receivedFile = (round: number): string => `${keptFolder(round)}/received.safetensors`

const FILE = /^owners\/round-(\d{4,})\/(?:owner-(\d+)|received)\.safetensors$/

/** What the name of such a file says; undefined if it is another's. No owner: it is the model that was received. */
export function keptFile(name: string): { round: number; owner: number | undefined } | undefined {
  const [whole, round, owner] = FILE.exec(name) ?? []
  return whole === undefined ? undefined : { round: Number(round), owner: owner === undefined ? owner : Number(owner) }
}

/** The round whose folder has that name, seen from OWNERS. */
export function keptRound(folder: string): number | undefined {
  const [, round] = /^round-(\d{4,})$/.exec(folder) ?? []
  return round === undefined ? undefined : Number(round)
}
