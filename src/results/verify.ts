import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { readIfThere } from '../files.ts'
import { percent } from '../format.ts'
import { readCheckpoint } from './checkpoint.ts'
import type { Tables } from './read.ts'
import { paperTable, TABLES } from './rows.ts'

/**
 * Compares the tables of a run folder with the hashes that its checkpoint holds of them. Without a checkpoint (it is
 * large, and a published run may lack it) there is nothing to compare with.
 * @returns none where the folder has no table yet
 * @throws FedunifyError (data) naming the table that was changed
 */
export async function assertUntouched(dir: string, finished: boolean): Promise<'none' | 'some'> {
  // Read first: a run that goes on meanwhile only makes the tables longer.
  const saved = await readCheckpoint(dir)
  let found: 'none' | 'some' = 'none'
  for (const { file } of TABLES) {
    const content = await readIfThere(join(dir, file))
    const mark = saved?.files[file]
    if (content) found = 'some'
    if (!mark) continue
    if (!content) throw changed(join(dir, file), 'it is missing')
    if (content.length < mark.size) throw changed(join(dir, file), 'it is shorter than the run left it')
    const hash = createHash('sha256').update(content.subarray(0, mark.size)).digest('hex')
    if (hash !== mark.sha256) throw changed(join(dir, file), 'it was edited')
    if (finished && content.length > mark.size) throw changed(join(dir, file), 'it is longer than the run left it')
  }
  return found
}

/**
 * Compares the numbers of table.csv with those of the other two: all three are written from the same counts.
 * @throws FedunifyError (data) naming the cell
 */
export function assertConsistent(dir: string, { local, unified, table: [head = [], ...rows] }: Tables): void {
  const accuracies = new Map<string, number>()
  for (const { round, owner, local_accuracy } of local) accuracies.set(`${round} local_${owner}`, local_accuracy)
  for (const { round, merge, accuracy } of unified) accuracies.set(`${round} ${merge}`, accuracy)
  for (const [key, accuracy] of accuracies) {
    if (accuracy >= 0 && accuracy <= 1) continue
    throw changed(dir, `the accuracy of round ${key.replace(' ', ', ')} is ${accuracy}, not a fraction`)
  }
  for (const [i, [round, ...cells]] of rows.entries()) {
    for (const [j, cell] of cells.entries()) {
      const key = `${round} ${head[j + 1]}`
      const accuracy = accuracies.get(key)
      accuracies.delete(key)
      const same = accuracy === undefined ? cell === '' : cell === percent(accuracy)
      if (same) continue
      const other = accuracy === undefined ? 'nothing' : percent(accuracy)
      const where = `${join(dir, paperTable.file)}:${i + 2}`
      throw changed(where, `${head[j + 1]} is ${cell}, where the other tables say ${other}`)
    }
  }
  const [lacking] = accuracies.keys()
  if (lacking) throw changed(join(dir, paperTable.file), `round ${lacking.replace(' ', ', ')} is missing`)
}

const changed = (file: string, why: string) =>
  new FedunifyError('data', `${file}: ${why}`, 'restore the file, or do the run again')
