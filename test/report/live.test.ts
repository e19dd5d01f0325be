import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EventTail, stateText } from '../../src/report/live/progress.ts'
import { serveLivePage } from '../../src/report/live/server.ts'
import { WatchedRun } from '../../src/report/live/watch.ts'
import { newestRun } from '../../src/runs/read/newest-run.ts'
import { runBinary, start } from '../support/binary.ts'
import { browserForTests, hasBrowser } from '../support/browser.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'
import { manifestOf } from '../support/run-folder.ts'

const openPage = browserForTests()
const { experiment, folder } = workshop()

/** What a server answers to a request that no browser would send. */
async function answerTo(url: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const sent = request(url, { agent: false, ...options }).end()
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const piece of response) text += piece
  return { status: response.statusCode, headers: response.headers, text }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  const taken = await Promise.race([
    once(server, 'listening').then(() => false),
    once(server, 'error').then(() => true),
  ])
  server.close()
  return !taken
}

describe('the server of a live page', () => {
  it('answers whoever knows the token, by a name of this machine, and nobody else', async () => {
    const dir = join(temporaryFolder(), 'run')
    writeRun(dir, { config: { env: 'H', rounds: 4 } })
    const run = new WatchedRun(dir)
    await run.look()
    const page = await serveLivePage(run)
    const { port, pathname, origin } = new URL(page.url)
    try {
      expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/)
      const { status, headers, text } = await answerTo(page.url)
      expect([status, headers['content-type'], headers['cache-control']]).toEqual([
        ...[200, 'text/html; charset=utf-8', 'no-store'],
      ])
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/)
      expect(headers['content-security-policy']).not.toContain('unsafe')
      expect(text).toContain('Finished after 4 rounds.')
      expect(await answerTo(page.url, { headers: { host: `localhost:${port}` } })).toMatchObject({ status: 200 })
      // A page of somebody else's whose name was made to lead here.
      for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${Number(port) + 1}`]) {
        const refused = await answerTo(page.url, { headers: { host } })
        expect([refused.status, refused.text]).toEqual([403, 'unknown host\n'])
      }
      expect(await answerTo(page.url, { method: 'POST' })).toMatchObject({ status: 405 })
      for (const path of ['/', '/events', `${pathname.slice(0, -2)}/`, `${pathname}other`, `${pathname}events/x`]) {
        expect(await answerTo(`${origin}${path}`), path).toMatchObject({ status: 404, text: 'not found\n' })
      }
    } finally {
      await page.close()
    }
    expect(await isFree(Number(port))).toBe(true)
  })
})

describe('how a run stands', () => {
  it('is read from what was added to its events', async () => {
    const dir = temporaryFolder()
    const events = join(dir, 'events.jsonl')
    const tail = new EventTail(dir)
    expect(await tail.trained()).toBe(0)
    appendFileSync(events, '{"type":"started"}\n{"type":"owner-trained","round":1}\n{"type":"owner-tr')
    expect(await tail.trained()).toBe(1)
    appendFileSync(events, 'ained","round":1}\n')
    expect(await tail.trained()).toBe(2)
    appendFileSync(events, '{"type":"round-finished"}\n{"type":"owner-trained","round":2}\n')
    expect(await tail.trained()).toBe(1)
    writeFileSync(events, '{"type":"started"}\n')
    expect(await tail.trained()).toBe(0)
  })

  it('is a sentence', () => {
    const dir = temporaryFolder()
    const text = (run: Parameters<typeof writeRun>[1], trained = 0) => {
      writeRun(dir, { config: { rounds: 4 }, ...run })
      return stateText(manifestOf(dir) as unknown as Parameters<typeof stateText>[0], trained)
    }
    expect(text({ done: 2, status: 'running' }, 1)).toBe(
      'Running: 2 of 4 rounds done. Round 3: 1 of 2 owners have trained.',
    )
    // Between the last round and the end of the run.
    expect(text({ status: 'running' })).toBe('Running: 4 of 4 rounds done.')
    const stopped = { config: { rounds: 4, 'stop-after': 2 }, done: 2, status: 'running' } as const
    expect(text(stopped)).toBe('Running: 2 of 4 rounds done.')
    expect(text({})).toBe('Finished after 4 rounds.')
    expect(text({ config: { rounds: 1 } })).toBe('Finished after 1 round.')
    expect(text({ done: 2, status: 'interrupted' })).toBe('Interrupted after 2 of 4 rounds.')
    expect(text({ done: 2, status: 'failed', reason: 'no disk' })).toBe('Failed after 2 of 4 rounds: no disk')
  })

  it('the run that is running is the one to follow, or else the newest', async () => {
    const dir = temporaryFolder()
    const begun = (id: string, day: number) => {
      const file = join(dir, id, 'manifest.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace('2021-12-31', `2022-01-0${day}`))
    }
    for (const [id, day] of [
      ['a', 1],
      ['b', 3],
      ['c', 2],
    ] as const) {
      writeRun(join(dir, id), {})
      begun(id, day)
    }
    expect(await newestRun(dir)).toBe(join(dir, 'b'))
    writeRun(join(dir, 'a'), { done: 1, status: 'running' })
    expect(await newestRun(dir)).toBe(join(dir, 'a'))
    symlinkSync('c', join(dir, 'latest'))
    expect(await newestRun(join(dir, 'latest'))).toBe(join(dir, 'c'))
    await expect(newestRun(join(dir, 'none'))).rejects.toThrow('no run there')
  })
})

function doneIn(run: string): number {
  try {
    return (manifestOf(run) as { rounds: number }).rounds
  } catch {
    return 0
  }
}

describe('fedunify report --watch', { timeout: 120_000 }, () => {
  it.skipIf(!hasBrowser)('shows a run while it goes on, and ends with Ctrl-C', async () => {
    const run = start(['run', experiment('live', { rounds: 2000, env: 'V' }), '--run-id', 'a', '--quiet'], {
      patience: 110_000,
    })
    const path = join(folder, 'results', 'live', 'a')
    await expect.poll(() => doneIn(path), { timeout: 60_000 }).toBeGreaterThan(0)

    const watch = start(['report', '--watch'], { cwd: folder, patience: 110_000 })
    let url = ''
    watch.child.stdout!.on('data', (text: string) => {
      url += text.trim()
    })
    await watch.says('Ctrl-C ends')
    const { page, complaints } = await openPage(url)
    expect(await page.textContent('h1')).toBe('live: avg, 2 owners, environment V')
    expect(await page.textContent('.live')).toMatch(/^Running: \d+ of 2000 rounds done\. Round \d+: [012] of 2 owners/)
    const shown = async () => Number(/After (\d+) round/.exec((await page.textContent('.verdict p'))!)![1])
    const first = await shown()
    // What a reader has opened stays open, in a page that was never loaded again.
    await page.locator('#g1-accuracy summary').click()
    await page.evaluate('window.here = true')
    await expect.poll(shown, { timeout: 60_000 }).toBeGreaterThan(first)
    expect(await page.locator('#g1-accuracy details').getAttribute('open')).toBe('')

    run.child.kill('SIGINT')
    expect(await run.ended).toMatchObject({ code: 130 })
    const { rounds } = manifestOf(path) as { rounds: number }
    await expect
      .poll(() => page.textContent('.live'), { timeout: 60_000 })
      .toBe(`Interrupted after ${rounds} of 2000 rounds.`)
    await expect.poll(shown, { timeout: 60_000 }).toBe(rounds)
    expect(await page.evaluate('window.here')).toBe(true)
    expect(complaints).toEqual([])

    watch.child.kill('SIGINT')
    expect(await watch.ended).toMatchObject({ code: 0, out: `${url}\n` })
    expect(await isFree(Number(new URL(url).port))).toBe(true)
    await expect.poll(() => page.textContent('.live'), { timeout: 30_000 }).toContain('--watch has ended')
  })

  it('follows one run, and writes no file', async () => {
    const dir = temporaryFolder()
    mkdirSync(join(dir, 'results'))
    const cases = [
      [['a', 'b'], 2, '--watch with several names'],
      [['--out', 'x.html'], 2, '--out beside --watch'],
      [[], 3, 'results: not the folder of a run'],
      [['none'], 3, 'none: no run there'],
    ] as const
    for (const [args, code, text] of cases) {
      const ended = await runBinary(['report', '--watch', ...args], { cwd: dir })
      expect([ended.code, ended.out]).toEqual([code, ''])
      expect(ended.err).toContain(text)
    }
  })
})
