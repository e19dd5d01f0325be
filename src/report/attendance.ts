import { trainingOwners } from '../federation/drawn-owners.ts'
import { roundsText, thousands } from '../format.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'

/** Who trained, in a run that draws its owners for each round; undefined if all train in all of them. */
export function attendanceText({
  manifest: { config },
  local,
}: Pick<LoadedRun, 'manifest' | 'local'>): string | undefined {
  if (!config.participants) return undefined
  const each = `${thousands(trainingOwners(config))} of ${thousands(config.owners)} owners train in each round`
  const turns = new Map<number, number>()
  for (const { owner } of local) turns.set(owner, (turns.get(owner) ?? 0) + 1)
  if (turns.size === 0) return each
  const counts = [...turns.values()].sort((a, b) => a - b)
  const [least, most] = [counts[0]!, counts.at(-1)!]
  const often = least === most ? roundsText(most) : `${least} to ${roundsText(most)}`
  const who = turns.size === config.owners ? 'all have trained' : `${thousands(turns.size)} have trained so far`
  return `${each}; ${who}, each in ${often}`
}
