import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import { REPORT } from '../runs/run-files.ts'
import { putFile } from '../runs/write/growing-file.ts'
import { oneLine } from '../visible.ts'
import { reportDocument } from './html/document.ts'
import { groupRecords, type RunRecord } from './run-record.ts'

/**
 * Writes the page about some runs. It is an extra: what keeps it from being written fails neither run nor batch.
 * @param note is told of it then
 * @returns the file; undefined if there is none
 */
export async function writeReport(
  read: () => Promise<readonly RunRecord[]>,
  folder: string,
  note: (line: string) => void,
): Promise<string | undefined> {
  const file = join(folder, REPORT)
  try {
    await putFile(file, reportDocument(groupRecords(await read())))
    return file
  } catch (error) {
    note(`note: no report was written: ${oneLine(messageOf(error))}`)
    return undefined
  }
}
