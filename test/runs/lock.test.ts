import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Holder, ourselves } from '../../src/runs/write/holder.ts'
import { FolderLock } from '../../src/runs/write/lock.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A folder that somebody holds. */
function held(holder: object | string): { dir: string; file: string } {
  const dir = temporaryFolder()
  const file = join(dir, '.lock')
  writeFileSync(file, typeof holder === 'string' ? holder : JSON.stringify(holder))
  return { dir, file }
}

/** Another process, which lives until it is told to end. */
function process2(): { holder: Holder; pid: number; end(): Promise<unknown> } {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const pid = child.pid!
  return {
    pid,
    holder: { ...ourselves(), pid, began: beganAt(pid) },
    end() {
      child.kill('SIGKILL')
      return once(child, 'close')
    },
  }
}

const beganAt = (pid: number) =>
  process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[19] : undefined

const take = async (dir: string) => (await FolderLock.take(dir)).release()

/** Touches a file every so often, as a holder does, by a clock of its own. */
function beating(file: string): () => void {
  let time = 1e9
  const beat = setInterval(() => utimesSync(file, ++time, time), 300)
  return () => clearInterval(beat)
}

test('whoever has just asked need not ask again within a moment, but after the clock was set', async () => {
  const lock = await FolderLock.take(temporaryFolder())
  const asked = vi.spyOn(lock, 'assertHeld')
  const clock = vi.spyOn(Date, 'now')
  const times: number[] = []
  for (const now of [50_000, 50_099, 50_100, 50_199, 49_000]) {
    clock.mockReturnValue(now)
    await lock.assertHeldOfLate()
    times.push(asked.mock.calls.length)
  }
  clock.mockRestore()
  await lock.release()
  expect(times).toEqual([1, 1, 2, 2, 3])
})

test('a folder is taken and given back', async () => {
  const dir = temporaryFolder()
  const lock = await FolderLock.take(dir)
  expect(JSON.parse(readFileSync(join(dir, '.lock'), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
  await lock.assertHeld()
  await expect(FolderLock.take(dir)).rejects.toMatchObject({ kind: 'usage' })
  await lock.release()
  expect(readdirSync(dir)).toEqual([])
})

/** The folder's own listing is closed by the time that it is looked at. */
const linkOf = (fd: string) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
const filesOpenIn = (dir: string) =>
  readdirSync('/proc/self/fd')
    .map((fd) => linkOf(fd))
    .filter((file) => file.startsWith(dir))

test.runIf(process.platform === 'linux')('a held folder is renamed with no file open in it', async () => {
  const outer = temporaryFolder()
  const [from, to] = [join(outer, 'a'), join(outer, 'b')]
  mkdirSync(from)
  const lock = await FolderLock.take(from)
  expect(filesOpenIn(outer)).toHaveLength(1)
  let open: string[] | undefined
  await lock.move(to, async () => {
    open = filesOpenIn(outer)
    renameSync(from, to)
  })
  expect(open).toEqual([])
  expect(filesOpenIn(outer)).toEqual([join(to, '.lock')])
  await lock.assertHeld()
  await expect(lock.move(join(outer, 'none', 'c'))).rejects.toThrow('ENOENT')
  await lock.assertHeld()
  await lock.release()
  expect(readdirSync(to)).toEqual([])
})

test.runIf(process.platform === 'linux')('a living process keeps it, a dead one does not', async () => {
  const { pid, holder, end } = process2()
  const { dir, file } = held(holder)
  await expect(FolderLock.take(dir)).rejects.toMatchObject({
    kind: 'usage',
    message: `${dir}: process ${pid} on ${hostname()} is at work in this run folder`,
    hint: expect.stringContaining(file),
  })
  // Another process that was given the same number later is not the holder.
  writeFileSync(file, JSON.stringify({ ...holder, began: '1' }))
  await take(dir)
  writeFileSync(file, JSON.stringify(holder))
  await end()
  await take(dir)
  expect(existsSync(file)).toBe(false)
})

const OUT_OF_SIGHT: [string, Partial<Holder>][] = [
  ['on another machine', { host: 'elsewhere.example' }],
  ['in another container of this machine, under our own number', { space: 'pid:[1]' }],
  ['on another machine of the same name', { boot: 'another' }],
  ['of an older version', { boot: undefined, space: undefined }],
]

test.concurrent.each(OUT_OF_SIGHT)('a holder %s is watched, whatever the clocks say: it lives', async (_, other) => {
  const { dir, file } = held({ ...ourselves(), ...other })
  const stop = beating(file)
  const began = performance.now()
  await expect(FolderLock.take(dir)).rejects.toMatchObject({ kind: 'usage', message: /is at work in this run folder$/ })
  stop()
  expect(performance.now() - began).toBeLessThan(5000)
})

test.concurrent.each(OUT_OF_SIGHT)('a holder %s that gives no sign of life is dead', async (_, other) => {
  // A clock that is ahead must not make it live.
  const { dir, file } = held({ ...ourselves(), ...other })
  utimesSync(file, Date.now() / 1000 + 3600, Date.now() / 1000 + 3600)
  const notes: string[] = []
  const lock = await FolderLock.take(dir, { note: (line) => notes.push(line) })
  await lock.assertHeld()
  await lock.release()
  expect(notes).toEqual([
    expect.stringMatching(/^waiting up to \d+ s to see if process \d+ on \S+ is still at work in /),
  ])
})

test('whoever waits can be stopped', async () => {
  const { dir } = held({ ...ourselves(), host: 'elsewhere.example' })
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('stopped')), 100)
  await expect(FolderLock.take(dir, { signal: controller.signal })).rejects.toThrow('stopped')
  expect(existsSync(join(dir, '.lock'))).toBe(true)
})

test.each(['', '{"pid":', 'null', '{"pid":"x"}', '\0\0\0'])(
  'a lock that was not written whole is no obstacle: %j',
  async (text) => {
    const { dir } = held(text)
    const began = performance.now()
    await take(dir)
    expect(performance.now() - began).toBeLessThan(3000)
  },
)

test('a holder whose folder was taken finds out, and leaves the lock of the other alone', async () => {
  const dir = temporaryFolder()
  const slept = await FolderLock.take(dir)
  // As another machine does, which saw no sign of life.
  rmSync(join(dir, '.lock'))
  const robber = await FolderLock.take(dir)
  await expect(slept.assertHeld()).rejects.toMatchObject({
    kind: 'usage',
    message: `${dir}: another process took over this run folder while this one did not respond`,
  })
  const before = readFileSync(join(dir, '.lock'), 'utf8')
  await slept.release()
  expect(readFileSync(join(dir, '.lock'), 'utf8')).toBe(before)
  await robber.assertHeld()
  await robber.release()
})

test('a lock that was removed by hand ends the hold', async () => {
  const dir = temporaryFolder()
  const lock = await FolderLock.take(dir)
  rmSync(join(dir, '.lock'))
  await expect(lock.assertHeld()).rejects.toMatchObject({ kind: 'usage' })
  await lock.release()
})

test('of many that come at once, one gets the folder', async () => {
  const { dir } = held('')
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => FolderLock.take(dir)))
  const got = all.filter((one) => one.status === 'fulfilled')
  expect(got).toHaveLength(1)
  await got[0]!.value.assertHeld()
  await got[0]!.value.release()
  expect(readdirSync(dir)).toEqual([])
})

test('what cannot be locked is said', async () => {
  await expect(FolderLock.take(join(temporaryFolder(), 'none'))).rejects.toMatchObject({ kind: 'usage' })
  const dir = temporaryFolder()
  mkdirSync(join(dir, '.lock'))
  await expect(FolderLock.take(dir)).rejects.toMatchObject({ kind: 'usage', message: /\.lock: not a plain file/ })
  const linked = temporaryFolder()
  symlinkSync('/dev/zero', join(linked, '.lock'))
  await expect(FolderLock.take(linked)).rejects.toMatchObject({ kind: 'usage', message: /not a plain file/ })
})
