import { join } from 'node:path'
import { expect, test } from 'vitest'
import { start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const run = (id: string) => join(folder, 'results', 'signalled', id)
const file = () => experiment('signalled', { rounds: 400 })

test.skipIf(process.platform === 'win32')(
  'a terminal that is closed ends a run as SIGTERM does',
  {
    timeout: 120_000,
  },
  async () => {
    const { child, ended, says } = start(['run', file(), '--run-id', 'hung-up'], { patience: 110_000 })
    await says('round   1/400')
    child.kill('SIGHUP')
    const { code, err } = await ended
    expect(code).toBe(130)
    expect(err).toContain('go on with: fedunify run --resume')
    expect(manifestOf(run('hung-up')).status).toBe('interrupted')
  },
)

test.skipIf(process.platform === 'win32')('no signal opens a port for a debugger', { timeout: 120_000 }, async () => {
  const { child, ended, says } = start(['run', file(), '--run-id', 'debugged'], { patience: 110_000 })
  await says('round   1/400')
  child.kill('SIGUSR1')
  await says('round   3/400')
  child.kill('SIGTERM')
  const { code, err } = await ended
  expect(code).toBe(130)
  expect(err).not.toMatch(/debugger|inspector/i)
})
