import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { matchGlob, patternsIn } from '../../src/system/glob.ts'
import { temporaryFolder } from '../support/folder.ts'

test.each([
  ['*.yaml', 1],
  ['{a,b}', 2],
  ['{a,b}{1..3}', 6],
  ['{a,{b,c,d}}/x', 4],
  ['{a{1,2},b{3,4,5}}', 5],
  ['{3..-3}', 7],
  ['\\{a,b\\}', 1],
  ['a,b', 1],
  ['{a,b', 2],
  ['}{a,b}', 2],
])('%s stands for %d patterns', (glob, patterns) => expect(patternsIn(glob)).toBe(patterns))

test.each(['{a,b,c,d}'.repeat(12), '{1..100}'.repeat(3), '{a,b}*'.repeat(30), '{'.repeat(30) + 'a,b}'.repeat(30)])(
  'a glob bomb is refused at once: %.40s',
  async (glob) => {
    const began = performance.now()
    const refused = await matchGlob(`${glob}.yaml`).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (patternsIn(glob) > 2000) expect(refused).toMatchObject({ code: 'E_OPTION', kind: 'usage' })
    expect(performance.now() - began).toBeLessThan(5000)
  },
)

test('folders that a glob begins with mean themselves', async () => {
  const folder = temporaryFolder()
  for (const name of ['study (1)', 'study [2]', 'study 2', '{a,b}']) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'x.yaml'), '')
  }
  const found = (glob: string) => matchGlob(join(folder, glob))
  expect(await found('study (1)/*.yaml')).toEqual([join(folder, 'study (1)', 'x.yaml')])
  expect(await found('study [2]/*.yaml')).toEqual([join(folder, 'study [2]', 'x.yaml')])
  expect(await found('{a,b}/*')).toEqual([join(folder, '{a,b}', 'x.yaml')])
  expect(await found('study [123]/x.yaml')).toEqual([join(folder, 'study 2', 'x.yaml')])
  expect(await found('s* ?/*.yaml')).toEqual([join(folder, 'study 2', 'x.yaml')])
})
