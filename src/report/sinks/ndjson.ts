import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Sink } from '../../run/sinks.ts'
import { plainEvent } from '../../runs/plain-event.ts'
import { isDescriptor, makeFolders } from '../../system/files.ts'
import type { SinkOutput, SinkPart } from './sink-part.ts'

const STDOUT = '-'

/** The events that a run folder keeps in events.jsonl, and the owners' progress too, as they happen. */
export const ndjson = {
  summary: 'every event as a line of JSON',
  source: 'docs/formats.md; github.com/ndjson/ndjson-spec',
  options: z.strictObject({
    file: z.string().min(1).default(STDOUT).describe('file to write, which is replaced; - is stdout'),
  }),
  make:
    ({ file }) =>
    (output) =>
      file === STDOUT ? toStdout(output) : toFile(file, output),
} satisfies SinkPart<{ file: string }>

const toStdout = ({ out }: SinkOutput): Sink => ({
  name: 'the events on stdout',
  event: (event) => out(`${JSON.stringify(plainEvent(event))}\n`),
})

function toFile(file: string, output: SinkOutput): Sink {
  let handle: FileHandle | undefined
  // A name of stdout: written by another way, it would overwrite what is there.
  let stdout: Sink | undefined
  return {
    name: `the events in ${file}`,
    async event(event) {
      if (!handle && !stdout) {
        if (await isDescriptor(file, 1)) stdout = toStdout(output)
        else {
          await makeFolders(dirname(file))
          handle = await open(file, 'w')
        }
      }
      if (stdout) return stdout.event?.(event)
      await handle!.write(`${JSON.stringify(plainEvent(event))}\n`)
    },
    async close() {
      await handle?.close()
    },
  }
}
