import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'
import { processorSeconds } from '../support/processor-time.ts'

const RUNS = 1000

it('lists 1,000 runs with less than two seconds of work', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder()
  for (let i = 0; i < RUNS; i++) {
    writeRun(join(folder, `study${i % 10}`, `run${i}`), {
      config: {
        name: `study${i % 10}`,
        seed: i % 5,
        lr: 0.001 * (1 + Math.floor(i / 50)),
        merge: ['avg', 'max'],
        rounds: 5,
      },
    })
  }
  // The time of a first call is that of loading the command.
  await fedunify(['ls', join(folder, 'study0')])
  const took = await processorSeconds(async () => {
    const { out, code } = await fedunify(['ls', folder, '--no-group', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out).rows).toHaveLength(RUNS)
  })
  expect(took).toBeLessThan(2)
})
