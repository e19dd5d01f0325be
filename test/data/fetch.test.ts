import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunCommand } from '../../src/data/fashion-mnist/command.ts'
import { DEBIAN_FOLDER } from '../../src/data/fashion-mnist/debian.ts'
import { fetchFashionMnist } from '../../src/data/fashion-mnist/fetch.ts'
import { IDX_NAMES, type KnownFiles } from '../../src/data/fashion-mnist/known-files.ts'
import { locateFashionMnist } from '../../src/data/fashion-mnist/locate.ts'
import { type Places, placesOf } from '../../src/data/fashion-mnist/places.ts'
import { verifyFashionMnist } from '../../src/data/fashion-mnist/verify.ts'
import { listFolder, readContent } from '../../src/data/idx-folder.ts'
import { loadDataset } from '../../src/data/load-dataset.ts'
import { fetchProgress, LiveProgress, PlainProgress } from '../../src/report/terminal/progress.ts'
import { cacheFolder } from '../../src/system/cache.ts'
import { NO_COLORS } from '../../src/visible.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyIdx } from '../support/idx.ts'
import { serveFolder, startServer } from '../support/mirror.ts'

/** As they are served. */
const GZ = IDX_NAMES.map((name) => `${name}.gz`).sort()
/** As they are kept. */
const PLAIN = [...IDX_NAMES].sort()

/** A folder with the right files, which every test's places take for Fashion-MNIST. */
let origin: string
let places: Places

beforeEach(async () => {
  const root = temporaryFolder()
  origin = join(root, 'origin')
  writeTinyIdx(origin, { train: 20, test: 10, rows: 6, cols: 6 })
  places = {
    project: join(root, 'project'),
    cache: join(root, 'data', 'fashion-mnist'),
    debian: true,
    system: join(root, 'system'),
    mirrors: [],
    run: missingProgram,
    stallMs: 300,
    known: await knownFiles(origin),
  }
})

afterEach(() => vi.unstubAllEnvs())

describe('locateFashionMnist', () => {
  it('takes only the folder that was given', async () => {
    cpSync(origin, places.cache, { recursive: true })
    const dir = temporaryFolder()
    const found = locateFashionMnist({ dir, places })
    await expect(found).rejects.toMatchObject({ kind: 'data', message: expect.stringContaining(`${dir}: lacks train`) })
    expect(await locateFashionMnist({ dir: origin, places })).toMatchObject({ dir: origin })
  })

  it('prefers the folder of the project, then the cache, then the system folder, then a mirror', async () => {
    const options = { places: { ...places, mirrors: [await serveFolder(origin)] } }
    cpSync(origin, places.system, { recursive: true })
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.system })
    expect(readdirSync(join(places.cache, '..', '..'))).not.toContain('data')

    options.places.system = join(origin, 'absent')
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.cache })
    expect(readdirSync(places.cache).sort()).toEqual(PLAIN)

    options.places.system = places.system
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.cache })

    cpSync(origin, places.project, { recursive: true })
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.project })
  })

  it('loads what it fetched', async () => {
    const messages: string[] = []
    const mirrors = [await serveFolder(origin)]
    const options = { places: { ...places, mirrors }, progress: (message: string) => messages.push(message) }
    const dataset = await loadDataset({ dataset: 'fashion-mnist', ...options })
    expect(dataset).toMatchObject({ name: 'fashion-mnist', count: 30, classes: 10, source: places.cache })
    const size = places.known['train-images-idx3-ubyte'].download + places.known['train-labels-idx1-ubyte'].download
    expect(size).toBeGreaterThan(100)
    expect(messages[0]).toMatch(/^fetching Fashion-MNIST \(\d\.\d kB\) from http:\/\/127\S+ into \S+$/)
    expect(messages.at(-1)).toMatch(/^(\d\.\d kB) of \1$/)
    expect(messages.join()).not.toMatch(/\b0\.0\b(?!\.)/)
    expect((await verifyFashionMnist(places.cache, places.known)).every(({ ok }) => ok)).toBe(true)
  })

  it('refuses a wrong file in the cache rather than fetch another', async () => {
    cpSync(origin, places.cache, { recursive: true })
    writeFileSync(join(places.cache, GZ[0]!), gzipSync('other'))
    const options = { places: { ...places, mirrors: [await serveFolder(origin)] } }
    const wrong = { kind: 'data', message: expect.stringMatching(/t10k-images.*wrong checksum.*5 bytes, expected/) }
    await expect(loadDataset({ dataset: 'fashion-mnist', ...options })).rejects.toMatchObject({
      ...wrong,
      hint: expect.stringContaining('fedunify data fetch --force'),
    })
    await expect(fetchFashionMnist(options)).rejects.toMatchObject(wrong)
    expect(await fetchFashionMnist({ ...options, force: true })).toMatchObject({ from: options.places.mirrors[0] })
    expect(readdirSync(places.cache).sort()).toEqual(PLAIN)
    expect(await loadDataset({ dataset: 'fashion-mnist', ...options })).toMatchObject({ count: 30 })
  })

  it('lists every source that it tried', async () => {
    const notFound = await startServer((_, response) => response.writeHead(404).end())
    const refused = 'http://127.0.0.1:1/'
    const error = await locateFashionMnist({ places: { ...places, mirrors: [notFound, refused] } }).catch((e) => e)
    expect(error).toMatchObject({ kind: 'data', message: 'Fashion-MNIST could not be found or fetched' })
    expect(error.hint.split('\n')).toEqual([
      'tried:',
      `  ${places.project}: no such folder`,
      `  ${places.cache}: no such folder`,
      `  ${places.system}: no such folder`,
      `  ${notFound}: HTTP status 404`,
      expect.stringMatching(/^ {2}http:\/\/127\.0\.0\.1:1\/: \S.*$/),
      '  Debian package dataset-fashion-mnist: apt-get is not installed',
      expect.stringContaining('--data DIR'),
    ])
  })
})

describe('fetchFashionMnist', () => {
  it('does nothing where all is there', async () => {
    cpSync(origin, places.cache, { recursive: true })
    expect(await fetchFashionMnist({ places })).toEqual({ dir: places.cache, from: undefined })
  })

  it('fetches only what is missing', async () => {
    mkdirSync(places.cache, { recursive: true })
    cpSync(join(origin, GZ[3]!), join(places.cache, GZ[3]!))
    const asked: string[] = []
    const mirror = await serveFolder(origin, (name, bytes) => {
      asked.push(name)
      return bytes
    })
    await fetchFashionMnist({ places: { ...places, mirrors: [mirror] } })
    expect(asked.sort()).toEqual(GZ.slice(0, 3))
  })

  it.each([
    ['wrong content', (bytes: Buffer) => gzipSync(Buffer.concat([bytes])), /wrong checksum/],
    ['a truncated file', (bytes: Buffer) => bytes.subarray(0, -20), /gzip stream is truncated/],
    [
      'what unpacks to far too much',
      () => gzipSync(Buffer.alloc(500_000)),
      /trailing bytes: it unpacks to more than 736 by/,
    ],
    ['a web page', () => Buffer.from('<html>log in</html>'), /wrong checksum/],
    ['endless data', (bytes: Buffer) => Buffer.alloc(3 * bytes.length), /more than \d+ bytes arrived/],
  ])('keeps %s out of the cache and goes to the next mirror', async (_, spoil, reason) => {
    const bad = await serveFolder(origin, (name, bytes) => (name === GZ[2] ? spoil(bytes) : bytes))
    await expect(fetchFashionMnist({ places: { ...places, mirrors: [bad] } })).rejects.toMatchObject({
      hint: expect.stringMatching(reason),
    })
    expect(readdirSync(places.cache)).not.toContain(GZ[2])
    expect(readdirSync(places.cache)).not.toContain(PLAIN[2])
    const good = await serveFolder(origin)
    expect(await fetchFashionMnist({ places: { ...places, mirrors: [bad, good] } })).toMatchObject({ from: good })
    expect(readdirSync(places.cache).sort()).toEqual(PLAIN)
  })

  it('reports a transfer that is cut, and one that stalls', async () => {
    const cut = await startServer((_, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('begun', () => response.destroy())
    })
    const stalled = await startServer((_, response) => response.writeHead(200).write('begun'))
    const silent = await startServer(() => {})
    const mirrors = [cut, stalled, silent]
    const error = await fetchFashionMnist({ places: { ...places, mirrors } }).catch((e) => e)
    const reasons = error.hint.split('\n').slice(1, 4)
    expect(reasons[0]).toMatch(/other side closed|terminated|ECONNRESET/)
    expect(reasons[1]).toContain('no data for 0.3 s')
    expect(reasons[2]).toContain('no data for 0.3 s')
    expect(readdirSync(places.cache)).toEqual([])
  })

  it('follows a few redirects', async () => {
    const files = await serveFolder(origin)
    const mirror = await startServer(({ url = '' }, response) => {
      const [, left, name] = /^\/(\d\/)?(.*)$/.exec(url)!
      const further = left === '0/' ? `${files}${name}` : `/${left ? Number.parseInt(left, 10) - 1 : 3}/${name}`
      response.writeHead(302, { location: further }).end('elsewhere')
    })
    expect(await fetchFashionMnist({ places: { ...places, mirrors: [mirror] } })).toMatchObject({ from: mirror })
    expect(readdirSync(places.cache).sort()).toEqual(PLAIN)
  })

  it.each([
    ['in a circle', '/again', /: more than 5 redirects$/m],
    ['to another protocol', 'file:///etc/passwd', /: Protocol "file:" not supported/],
    ['to nowhere', 'http://', /: Invalid URL$/m],
  ])('gives up on redirects %s', async (_, location, reason) => {
    let asked = 0
    const mirror = await startServer((_, response) => {
      asked += 1
      response.writeHead(301, { location }).end()
    })
    await expect(fetchFashionMnist({ places: { ...places, mirrors: [mirror] } })).rejects.toMatchObject({
      hint: expect.stringMatching(reason),
    })
    expect(asked).toBeLessThanOrEqual(6)
  })

  it('asks for the files as they are', async () => {
    const encodings: unknown[] = []
    const mirror = await startServer(({ headers }, response) => {
      encodings.push(headers['accept-encoding'])
      response.writeHead(404).end()
    })
    await fetchFashionMnist({ places: { ...places, mirrors: [mirror] } }).catch(() => {})
    expect(encodings).toEqual(['identity'])
  })

  it('stops when it is aborted, with the reason given', async () => {
    const controller = new AbortController()
    const silent = await startServer(() => controller.abort(new Error('stopped')))
    const options = { places: { ...places, mirrors: [silent], stallMs: 5000 }, signal: controller.signal }
    await expect(fetchFashionMnist(options)).rejects.toThrow('stopped')
  })

  it('says that the folder is not writable', async () => {
    writeFileSync(join(origin, 'file'), '')
    const cache = join(origin, 'file', 'below')
    await expect(fetchFashionMnist({ places: { ...places, cache } })).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringContaining(`cannot write to the data folder ${cache}`),
    })
  })
})

describe('where fetched files go', () => {
  it('completes a folder of the project that has some of them', async () => {
    mkdirSync(places.project, { recursive: true })
    cpSync(join(origin, GZ[1]!), join(places.project, GZ[1]!))
    const mirrors = [await serveFolder(origin)]
    expect(await locateFashionMnist({ places: { ...places, mirrors } })).toMatchObject({ dir: places.project })
    expect(existsSync(places.cache)).toBe(false)
  })

  it('is the folder that was named', async () => {
    const into = join(origin, '..', 'named')
    const mirrors = [await serveFolder(origin)]
    expect(await fetchFashionMnist({ into, places: { ...places, mirrors } })).toMatchObject({ dir: into })
    expect(readdirSync(into).sort()).toEqual(PLAIN)
  })
})

describe('what is told of a fetch', () => {
  it('names the source that failed, and why, before the next', async () => {
    const notFound = await startServer((_, response) => response.writeHead(404).end())
    const good = await serveFolder(origin)
    const notes: string[] = []
    const progress = (line: string, share?: number) => share === undefined && notes.push(line)
    await fetchFashionMnist({ places: { ...places, mirrors: [notFound, good] }, progress })
    expect(notes).toEqual([
      expect.stringContaining(`from ${notFound} into ${places.cache}`),
      `${notFound}: HTTP status 404; trying the next source`,
      expect.stringContaining(`from ${good} into ${places.cache}`),
    ])
  })

  it('is a plain line for each tenth, however slow the mirror is', async () => {
    const name = 'train-images-idx3-ubyte'
    const known = { ...places.known, [name]: { ...places.known[name], download: 100_000 } }
    const mirror = await startServer(async ({ url = '' }, response) => {
      if (!url.includes(name)) return void response.end(readFileSync(join(origin, url.slice(1))))
      for (let i = 0; i < 40; i++) {
        response.write(Buffer.alloc(2500))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      response.end()
    })
    const lines: string[] = []
    const view = new PlainProgress((line) => lines.push(line), NO_COLORS)
    const fetching = fetchFashionMnist({
      places: { ...places, known, mirrors: [mirror] },
      progress: fetchProgress(view),
    })
    await expect(fetching).rejects.toThrow('could not be found or fetched')
    const tenths = lines.filter((line) => line.startsWith('fetched '))
    expect(tenths.length).toBeGreaterThan(1)
    expect(tenths.length).toBeLessThanOrEqual(10)
    for (const line of tenths) expect(line).toMatch(/^fetched [1-9]0 %: \d+ kB of 10\d kB$/)
    expect(new Set(tenths.map((line) => line.slice(0, 11))).size).toBe(tenths.length)
  })

  it('is one line on a terminal, redrawn', () => {
    const written: string[] = []
    const stream = new Writable({
      write(chunk, _, done) {
        written.push(String(chunk))
        done()
      },
    })
    const terminal = Object.assign(stream, { columns: 80, rows: 24, isTTY: true })
    const view = new LiveProgress(terminal as unknown as WriteStream, NO_COLORS)
    for (let i = 0; i <= 100; i++) view.transfer(`${i} kB of 100 kB`, i / 100)
    view.stop()
    const text = written.join('')
    expect(text).toContain('100 kB of 100 kB')
    // The cursor goes up as far as it came down: no frame stays behind another.
    const up = [...text.matchAll(new RegExp(`${'\x1b'}\\[(\\d*)A`, 'g'))].reduce(
      (sum, [, lines]) => sum + Number(lines || 1),
      0,
    )
    expect(text.split('\n').length - 1 - up).toBeLessThanOrEqual(1)
  })
})

describe('offline', () => {
  it.each(['an option', 'FEDUNIFY_OFFLINE'])('fetches nothing, by %s', async (how) => {
    let asked = 0
    const mirror = await startServer((_, response) => {
      asked += 1
      response.end()
    })
    if (how !== 'an option') vi.stubEnv('FEDUNIFY_OFFLINE', '1')
    const options = { places: { ...places, mirrors: [mirror] }, ...(how === 'an option' && { offline: true }) }
    for (const attempt of [locateFashionMnist, fetchFashionMnist]) {
      await expect(attempt(options)).rejects.toMatchObject({
        code: 'E_DATASET_UNREACHABLE',
        message: expect.stringContaining('nothing may be fetched (--offline or FEDUNIFY_OFFLINE)'),
        hint: expect.stringContaining('fedunify data fetch'),
      })
    }
    expect(asked).toBe(0)
    cpSync(origin, places.cache, { recursive: true })
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.cache })
  })
})

describe('places', () => {
  it('are those of the environment', () => {
    vi.stubEnv('FEDUNIFY_DATA', '/shared')
    vi.stubEnv('FEDUNIFY_MIRROR', 'https://files.example/fmnist')
    expect(placesOf()).toMatchObject({
      project: join('data', 'fashion-mnist'),
      cache: join('/shared', 'fashion-mnist'),
      mirrors: ['https://files.example/fmnist/'],
      debian: false,
    })
    expect(placesOf({ mirror: 'http://other/' }).mirrors).toEqual(['http://other/'])
    expect(() => placesOf({ mirror: 'files.example' })).toThrow('expected an http or https address')
  })

  it('have the cache where the system has caches', () => {
    const on = (platform: NodeJS.Platform, env = {}) => cacheFolder({ platform, env, home: '/home/me' })
    expect(on('linux')).toBe('/home/me/.cache/fedunify')
    expect(on('linux', { XDG_CACHE_HOME: '/tmp/cache' })).toBe('/tmp/cache/fedunify')
    expect(on('darwin')).toBe('/home/me/Library/Caches/fedunify')
    expect(on('win32', { LOCALAPPDATA: '/home/me/Local' })).toBe('/home/me/Local/fedunify')
  })

  it('are shared: what one folder fetched, another finds', async () => {
    const mirrors = [await serveFolder(origin)]
    await fetchFashionMnist({ places: { ...places, mirrors } })
    const elsewhere = { ...places, project: join(origin, 'nowhere'), mirrors: [] }
    expect(await locateFashionMnist({ places: elsewhere })).toMatchObject({ dir: places.cache })
  })
})

describe('a proxy', () => {
  it('is asked for http and https, and named in errors without its password', async () => {
    const asked: string[] = []
    const proxy = await startServer(({ url = '' }, response) => {
      asked.push(url)
      const name = basename(url)
      response.end(readFileSync(join(origin, name)))
    })
    vi.stubEnv('http_proxy', proxy.replace('//', '//me:secret@'))
    vi.stubEnv('https_proxy', proxy.replace('//', '//me:secret@'))
    vi.stubEnv('no_proxy', '127.0.0.1')
    const mirrors = ['https://files.invalid/', 'http://files.invalid/']
    const notes: string[] = []
    const options = { places: { ...places, mirrors }, progress: (line: string) => void notes.push(line) }
    expect(await fetchFashionMnist(options)).toMatchObject({ from: 'http://files.invalid/' })
    expect(asked).toContain('http://files.invalid/train-labels-idx1-ubyte.gz')
    const failed = notes.find((line) => line.startsWith('https:'))
    expect(failed).toContain(`(through the proxy ${proxy.slice(0, -1)})`)
    expect(notes.join()).not.toContain('secret')
  })

  it('is not asked for what NO_PROXY names', async () => {
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1')
    vi.stubEnv('no_proxy', '127.0.0.1')
    const mirrors = [await serveFolder(origin)]
    expect(await fetchFashionMnist({ places: { ...places, mirrors } })).toMatchObject({ from: mirrors[0] })
  })
})

describe('the Debian package', () => {
  it('is downloaded and unpacked, with lists of our own where the system has none', async () => {
    const calls: string[] = []
    const run: RunCommand = async (program, args, { cwd }) => {
      calls.push(`${program} ${args.filter((arg) => !/^-|^(Acquire|APT)/.test(arg)).join(' ')}`.replaceAll(cwd, 'TMP'))
      if (calls.length === 1) throw new Error('apt-get: E: Unable to locate package')
      if (args.includes('download')) writeFileSync(join(cwd, 'package.deb'), '')
      if (program === 'dpkg-deb') cpSync(origin, join(cwd, 'unpacked', DEBIAN_FOLDER), { recursive: true })
      return ''
    }
    const fetched = await fetchFashionMnist({ places: { ...places, run } })
    expect(fetched.from).toBe('Debian package dataset-fashion-mnist')
    const own = 'Dir::State::Lists=TMP/lists Dir::Cache=TMP/cache'
    expect(calls).toEqual([
      'apt-get download dataset-fashion-mnist',
      `apt-get ${own} update`,
      `apt-get ${own} download dataset-fashion-mnist`,
      'dpkg-deb package.deb unpacked',
    ])
    for (const name of PLAIN) {
      expect(readFileSync(join(places.cache, name))).toEqual(gunzipSync(readFileSync(join(origin, `${name}.gz`))))
    }
  })

  it('gives the last line of a failure as the reason', async () => {
    const run: RunCommand = async (program) => {
      throw new Error(`${program}: E: Unable to fetch some archives`)
    }
    await expect(fetchFashionMnist({ places: { ...places, run } })).rejects.toMatchObject({
      hint: expect.stringContaining('dataset-fashion-mnist: apt-get: E: Unable to fetch some archives'),
    })
  })
})

const missingProgram: RunCommand = async (program) => {
  throw Object.assign(new Error(`${program} is not installed`), { code: 'ENOENT' })
}

async function knownFiles(dir: string): Promise<KnownFiles> {
  const { found } = await listFolder(dir)
  const entries = IDX_NAMES.map(async (name) => {
    const { bytes, sha256, stored } = await readContent(found[name]!, name)
    return [name, { bytes: bytes.length, sha256, download: stored }]
  })
  return Object.fromEntries(await Promise.all(entries))
}
