import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockFolder } from '../../src/results/lock.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A folder that somebody holds. */
function held(holder: object | string): { dir: string; file: string } {
  const dir = temporaryFolder()
  const file = join(dir, '.lock')
  writeFileSync(file, typeof holder === 'string' ? holder : JSON.stringify(holder))
  return { dir, file }
}

/** Another process, which lives until it is told to end. */
function process2(): { pid: number; end(): Promise<unknown> } {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  return {
    pid: child.pid!,
    end() {
      child.kill('SIGKILL')
      return once(child, 'close')
    },
  }
}

const beganAt = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[19]

test('a folder is taken and given back', async () => {
  const dir = temporaryFolder()
  const unlock = await lockFolder(dir)
  expect(JSON.parse(readFileSync(join(dir, '.lock'), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
  await unlock()
  expect(existsSync(join(dir, '.lock'))).toBe(false)
})

test.runIf(process.platform === 'linux')('a living process keeps it, a dead one does not', async () => {
  const other = process2()
  const { dir, file } = held({ pid: other.pid, host: hostname(), began: beganAt(other.pid) })
  await expect(lockFolder(dir)).rejects.toMatchObject({
    kind: 'usage',
    message: `${dir}: process ${other.pid} on ${hostname()} is at work in this run folder`,
    hint: expect.stringContaining(file),
  })
  // Another process that was given the same number later is not the holder.
  writeFileSync(file, JSON.stringify({ pid: other.pid, host: hostname(), began: '1' }))
  await (await lockFolder(dir))()
  writeFileSync(file, JSON.stringify({ pid: other.pid, host: hostname(), began: beganAt(other.pid) }))
  await other.end()
  await (await lockFolder(dir))()
  expect(existsSync(file)).toBe(false)
})

test.each([
  ['on another machine', { pid: 1, host: 'elsewhere.example' }],
  ['that was not written whole', '{"pid":'],
])('a holder %s counts while it gives signs of life', async (_, holder) => {
  const { dir, file } = held(holder)
  await expect(lockFolder(dir)).rejects.toMatchObject({ kind: 'usage' })
  const before = new Date(Date.now() - 61_000)
  utimesSync(file, before, before)
  await (await lockFolder(dir))()
})

test('what cannot be locked is said', async () => {
  await expect(lockFolder(join(temporaryFolder(), 'none'))).rejects.toMatchObject({ kind: 'usage' })
})
