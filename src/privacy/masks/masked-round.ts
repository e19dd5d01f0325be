import { createHash } from 'node:crypto'

/** An owner in the list of a round. */
export interface Listed {
  readonly owner: number
  /** Images that it trains on: for how much it counts follows from those of all. */
  readonly images: number
}

/**
 * A try at a round whose updates are summed under masks. All owners of the list are in the sum. Keys and masks belong to
 * one try: what is made for another has nothing to do with it.
 */
export interface MaskedRound {
  /** Of one run, and no other of this federation. */
  readonly run: string
  readonly round: number
  /** 0, and one more for each time that the round has to be done again. */
  readonly attempt: number
  /** In ascending order. */
  readonly owners: readonly Listed[]
  /** Owners that must stay to the end; undefined: all of them. */
  readonly threshold?: number | undefined
  /** What is summed beside the updates of the round, with keys and masks of its own; undefined: these. */
  readonly of?: 'head' | undefined
}

/** All of a round in one text. */
const textOf = ({ run, round, attempt, owners, threshold = owners.length, of }: MaskedRound): string =>
  JSON.stringify(['fedunify masks 1', run, round, attempt, threshold, listOf(owners), ...(of ? [of] : [])])

/** SHA-256 (hex) of a round: whatever is signed or derived for it has this in it. */
export const idOf = (round: MaskedRound): string => createHash('sha256').update(textOf(round)).digest('hex')

/** A list of owners as text. */
export const listText = (owners: readonly Listed[]): string => JSON.stringify(listOf(owners))

const listOf = (owners: readonly Listed[]) => owners.map(({ owner, images }) => [owner, images])
