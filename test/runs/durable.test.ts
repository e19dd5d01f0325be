import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BINARY, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'

const { folder, experiment } = workshop()
const hasStrace = !spawnSync('strace', ['-V']).error

// What a power cut leaves is what was flushed: a file before its name is changed, then the folder that holds the name.
it.skipIf(!hasStrace)('a round is on the disk once the next one begins', async () => {
  const log = join(folder, 'calls')
  const trace = [
    'strace',
    '-f',
    '-y',
    '-qq',
    '-e',
    'trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat',
    '-o',
    log,
  ]
  const args = ['run', experiment('durable', { rounds: 2 }), '--run-id', 'a', '--quiet']
  const ended = await runBinary([...trace.slice(1), process.execPath, BINARY, ...args], { command: ['strace'] })
  expect(ended).toMatchObject({ code: 0, err: '' })
  const run = join(folder, 'results', 'durable', 'a')
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, name, rest] = /^\d+ +(?:<\.\.\. )?(\w+)[^(]*\((.*)/.exec(line) ?? []
      return name && rest ? [{ flush: name.includes('sync'), rest }] : []
    })
  const flushes = (path: string) => (call: (typeof calls)[number]) => call.flush && call.rest.includes(`<${path}>`)
  for (const file of ['checkpoint.safetensors', 'manifest.json', 'model.safetensors', 'model.onnx']) {
    const renames = calls.flatMap(({ flush, rest }, i) => (!flush && rest.includes(`"${join(run, file)}"`) ? [i] : []))
    expect([file, renames.length]).toEqual([file, file === 'manifest.json' ? 4 : 2])
    for (const at of renames) {
      const draft = /"([^"]+)"/.exec(calls[at]!.rest)![1]!
      expect(calls.slice(0, at).some(flushes(draft)), `${file} itself`).toBe(true)
      // That of the checkpoint at once; the others' names are flushed with the next one, or at the end.
      const until = file === 'checkpoint.safetensors' ? at + 6 : calls.length
      expect(calls.slice(at, until).some(flushes(run)), `the folder of ${file}`).toBe(true)
    }
  }
  // The tables before the checkpoint that tells how far they had come.
  const checkpoint = calls.findIndex(
    ({ flush, rest }) => !flush && rest.includes(`"${join(run, 'checkpoint.safetensors')}"`),
  )
  for (const file of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'events.jsonl']) {
    expect(calls.slice(0, checkpoint).some(flushes(join(run, file))), file).toBe(true)
  }
  // The lock is whole before it has its name.
  const lock = calls.findIndex(({ flush, rest }) => !flush && /"[^"]*\/\.lock"/.test(rest))
  expect(calls.slice(0, lock).some(({ flush, rest }) => flush && rest.includes('.lock.'))).toBe(true)
})
