import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import type { RunCommand } from '../../src/data/fashion-mnist/command.ts'
import { DEBIAN_FOLDER } from '../../src/data/fashion-mnist/debian.ts'
import { fetchFashionMnist, type Places } from '../../src/data/fashion-mnist/fetch.ts'
import { IDX_NAMES, type KnownFiles } from '../../src/data/fashion-mnist/known-files.ts'
import { locateFashionMnist } from '../../src/data/fashion-mnist/locate.ts'
import { verifyFashionMnist } from '../../src/data/fashion-mnist/verify.ts'
import { listFolder, readContent } from '../../src/data/idx-folder.ts'
import { loadDataset } from '../../src/data/load-dataset.ts'
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
    cache: join(root, 'data', 'fashion-mnist'),
    system: join(root, 'system'),
    mirrors: [],
    run: missingProgram,
    stallMs: 300,
    known: await knownFiles(origin),
  }
})

describe('locateFashionMnist', () => {
  it('takes only the folder that was given', async () => {
    cpSync(origin, places.cache, { recursive: true })
    const dir = temporaryFolder()
    const found = locateFashionMnist({ dir, places })
    await expect(found).rejects.toMatchObject({ kind: 'data', message: expect.stringContaining(`${dir}: lacks train`) })
    expect(await locateFashionMnist({ dir: origin, places })).toMatchObject({ dir: origin })
  })

  it('prefers the cache, then the system folder, then a mirror', async () => {
    const options = { places: { ...places, mirrors: [await serveFolder(origin)] } }
    cpSync(origin, places.system, { recursive: true })
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.system })
    expect(readdirSync(join(places.cache, '..', '..'))).not.toContain('data')

    options.places.system = join(origin, 'absent')
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.cache })
    expect(readdirSync(places.cache).sort()).toEqual(PLAIN)

    options.places.system = places.system
    expect(await locateFashionMnist(options)).toMatchObject({ dir: places.cache })
  })

  it('loads what it fetched', async () => {
    const messages: string[] = []
    const mirrors = [await serveFolder(origin)]
    const options = { places: { ...places, mirrors }, progress: (message: string) => messages.push(message) }
    const dataset = await loadDataset({ dataset: 'fashion-mnist', ...options })
    expect(dataset).toMatchObject({ name: 'fashion-mnist', count: 30, classes: 10, source: places.cache })
    expect(messages).toContain('fetching train-images-idx3-ubyte.gz… 0.0/0.0 MB')
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

describe('the Debian package', () => {
  it('is downloaded and unpacked, with lists of our own where the system has none', async () => {
    const calls: string[] = []
    const run: RunCommand = async (program, args, { cwd }) => {
      calls.push(`${program} ${args.filter((arg) => !/^-|^(Acquire|APT)/.test(arg)).join(' ')}`.replaceAll(cwd, 'TMP'))
      if (calls.length === 1) throw new Error('apt-get: E: Unable to locate package')
      if (args.includes('download')) writeFileSync(join(cwd, 'package.deb'), '')
      if (program === 'dpkg-deb') cpSync(origin, join(cwd, 'unpacked', DEBIAN_FOLDER), { recursive: true })
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
