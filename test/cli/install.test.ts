import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { VERSION } from '../../src/package.ts'
import { start } from '../support/binary.ts'
import { temporaryFolder } from '../support/folder.ts'

const npm = (...args: string[]) => start(args, { command: ['npm'] }).ended

it('npx fedunify in a clone runs it, without a word of npm', async () => {
  const { code, out, err } = await npm('exec', '--offline', '--', 'fedunify', '--version')
  expect({ code, out, err }).toEqual({ code: 0, out: `${VERSION}\n`, err: '' })
})

it('npm does not run the scripts of packages, and knows every key of .npmrc', async () => {
  const { out, err } = await npm('config', 'get', 'ignore-scripts')
  expect([out.trim(), err]).toEqual(['true', ''])
})

it('where it is not built and cannot be, it says what to do', async () => {
  const folder = temporaryFolder()
  cpSync('package.json', join(folder, 'package.json'))
  mkdirSync(join(folder, 'bin'))
  cpSync('bin/fedunify.js', join(folder, 'bin', 'fedunify.js'))
  const command = [process.execPath, join(folder, 'bin', 'fedunify.js')] as const
  expect(await start(['run'], { command: [...command] }).ended).toMatchObject({
    code: 2,
    out: '',
    err: 'error: fedunify is not built here, and what builds it is not installed\nhint: npm ci --include=dev\n',
  })
})
