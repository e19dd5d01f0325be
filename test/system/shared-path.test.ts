import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pointLatest, runPath } from '../../src/runs/latest.ts'
import { isWithin } from '../../src/system/shared-path.ts'
import { temporaryFolder } from '../support/folder.ts'

it.each([
  ['', true],
  ['a/b', true],
  ['..x', true],
  ['..x/run.yaml', true],
  ['..', false],
  ['../x', false],
  ['..\\x', false],
  ['/x', false],
])('a path of %j is within: %s', (path, within) => {
  expect(isWithin(path)).toBe(within)
})

it('the last run may lie in a folder whose name begins with dots', async () => {
  const out = temporaryFolder()
  const run = join(out, '..x', 'a')
  mkdirSync(run, { recursive: true })
  await pointLatest(out, run)
  expect(await runPath(join(out, 'latest'))).toBe(run)
})
