import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { listFiles } from '../../src/completion/files.ts'
import { temporaryFolder } from '../support/folder.ts'

it('offers no file whose name a shell would take for something else', async () => {
  const folder = temporaryFolder()
  for (const name of ['a.yaml', 'b\tfile.yaml', 'c\n.yaml', 'd\x1b[31m.yaml', 'e f.yaml']) {
    writeFileSync(join(folder, name), '')
  }
  const found = await listFiles(`${folder}/`, /\.yaml$/)
  expect(found.map(({ value }) => value)).toEqual([join(folder, 'a.yaml'), join(folder, 'e f.yaml')])
})
