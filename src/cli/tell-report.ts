import type { LoadedRun } from '../runs/read/load-run.ts'
import { oneLine } from '../visible.ts'

/**
 * Writes the page of a run into its folder, and tells where. It is loaded when the rest is done: what draws the page is
 * not waited for at the start.
 */
export async function tellReport(
  path: string,
  load: () => Promise<LoadedRun>,
  note: (line: string) => void,
): Promise<void> {
  const [{ writeReport }, { recordsOf }] = await Promise.all([
    import('../report/write-report.ts'),
    import('../report/run-record.ts'),
  ])
  const file = await writeReport(async () => await recordsOf([await load()]), path, note)
  if (file !== undefined) note(`report: ${oneLine(file)}`)
}
