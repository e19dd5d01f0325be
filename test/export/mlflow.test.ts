import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as writeInvented } from '../support/invented-run.ts'
import { writeRun } from '../support/written-run.ts'

/** Requests as MLflow documents them for its REST API 2.0, its limits included. */
const key = z.string().regex(/^[\w\-. :/]{1,250}$/)
const id = z.string().min(1)
const Tag = z.strictObject({ key, value: z.string().max(5000) })
const Metric = z.strictObject({ key, value: z.number(), timestamp: z.int().min(1e12), step: z.int() })
const Param = z.strictObject({ key, value: z.string().max(6000) })
const REQUESTS = {
  'experiments/create': z.strictObject({ name: z.string().min(1) }),
  'runs/search': z.strictObject({
    experiment_ids: z.array(id).min(1),
    filter: z.string().regex(/^tags\.\w+ = '[^']+'$/),
    max_results: z.int().max(50_000),
  }),
  'runs/create': z.strictObject({
    experiment_id: id,
    run_name: z.string(),
    start_time: z.int().min(1e12),
    tags: z.array(Tag).max(100),
  }),
  'runs/log-batch': z.strictObject({
    run_id: id,
    metrics: z.array(Metric).max(1000).optional(),
    params: z.array(Param).max(100).optional(),
    tags: z.array(Tag).max(100).optional(),
  }),
  'runs/update': z.strictObject({
    run_id: id,
    status: z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']),
    end_time: z.int().min(1e12).optional(),
  }),
}

interface Tracked {
  experiment: string
  name: string
  tags: z.output<typeof Tag>[]
  params: z.output<typeof Param>[]
  metrics: z.output<typeof Metric>[]
  status?: string
}

/** A tracking server that keeps what it is sent, and refuses what is not documented. */
const experiments = new Map<string, string>()
const runs = new Map<string, Tracked>()
let asked: string[] = []
let login: string | undefined
let failing = false
let server: Server
let uri = ''

const bodyOf = async (request: IncomingMessage) => {
  let text = ''
  for await (const part of request) text += part
  expect(text.length).toBeLessThan(1_000_000)
  return JSON.parse(text)
}

async function answer(request: IncomingMessage): Promise<[number, object]> {
  const url = new URL(request.url!, 'http://localhost')
  const path = url.pathname.replace('/api/2.0/mlflow/', '')
  asked.push(path)
  if (login !== undefined && request.headers.authorization !== login) return [401, { message: 'who are you?' }]
  if (path === 'experiments/get-by-name' && request.method === 'GET') {
    const experiment_id = experiments.get(url.searchParams.get('experiment_name')!)
    if (experiment_id === undefined) return [404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'none' }]
    return [200, { experiment: { experiment_id } }]
  }
  const schema = REQUESTS[path as keyof typeof REQUESTS]
  if (!schema || request.method !== 'POST') return [404, { error_code: 'ENDPOINT_NOT_FOUND', message: path }]
  const parsed = schema.safeParse(await bodyOf(request))
  if (!parsed.success) return [400, { error_code: 'INVALID_PARAMETER_VALUE', message: parsed.error.message }]
  // biome-ignore lint/suspicious/noExplicitAny: it was parsed by the schema of its path
  const body = parsed.data as any
  if (path === 'experiments/create') {
    experiments.set(body.name, String(experiments.size + 1))
    return [200, { experiment_id: experiments.get(body.name) }]
  }
  if (path === 'runs/search') {
    const [, tag, value] = /^tags\.(\w+) = '(.*)'$/.exec(body.filter)!
    const found = [...runs.values()].filter(
      (run) => body.experiment_ids.includes(run.experiment) && run.tags.some((t) => t.key === tag && t.value === value),
    )
    // As MLflow does: no field if there is nothing.
    return [200, found.length > 0 ? { runs: found } : {}]
  }
  if (path === 'runs/create') {
    const run_id = `run-${runs.size + 1}`
    runs.set(run_id, { experiment: body.experiment_id, name: body.run_name, tags: body.tags, params: [], metrics: [] })
    return [200, { run: { info: { run_id } } }]
  }
  const run = runs.get(body.run_id)!
  run.params.push(...(body.params ?? []))
  if (failing && body.metrics) return [500, { error_code: 'INTERNAL_ERROR', message: 'the disk is full' }]
  run.metrics.push(...(body.metrics ?? []))
  run.tags.push(...(body.tags ?? []))
  if (body.status) run.status = body.status
  return [200, {}]
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
beforeEach(() => {
  experiments.clear()
  runs.clear()
  asked = []
  login = undefined
  failing = false
  delete process.env.MLFLOW_TRACKING_URI
})

describe('fedunify export --to mlflow', () => {
  it('puts each run there, with its settings and every figure', async () => {
    const folder = temporaryFolder()
    for (const seed of [0, 1]) writeInvented(join(folder, `s${seed}`), { config: { seed, rounds: 40, owners: 2 } })
    const { code, out, err } = await fedunify(['export', folder, '--to', 'mlflow', '--tracking-uri', uri])
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe('s0: run run-1\ns1: run run-2\n')
    expect([...experiments]).toEqual([['fake', '1']])
    expect(asked.filter((path) => path === 'experiments/get-by-name')).toHaveLength(1)
    const one = runs.get('run-1')!
    expect(one).toMatchObject({ experiment: '1', name: 's0', status: 'FINISHED' })
    expect(one.params).toContainEqual({ key: 'lr', value: '0.1' })
    expect(one.params).toContainEqual({ key: 'seed', value: '0' })
    // Where files lie is nobody's business there.
    expect(one.params.map((param) => param.key)).not.toContain('out')
    // Three of the rule and seven of each owner, in 40 rounds.
    expect(one.metrics).toHaveLength(40 * (3 + 2 * 7))
    const accuracy = one.metrics.filter((metric) => metric.key === 'accuracy/avg')
    expect(accuracy.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    for (const { value } of accuracy) expect(value > 0 && value < 1).toBe(true)
    expect(one.metrics.some((metric) => metric.key === 'up_bytes/owner_2' && metric.value === 1_000_000)).toBe(true)
  })

  it('splits what is more than a request may hold', async () => {
    const run = join(temporaryFolder(), 'long')
    writeInvented(run, { config: { rounds: 150 } })
    expect(await fedunify(['export', run, '--to', 'mlflow', '--tracking-uri', uri])).toMatchObject({ code: 0 })
    expect(runs.get('run-1')!.metrics).toHaveLength(150 * 17)
    expect(asked.filter((path) => path === 'runs/log-batch')).toHaveLength(1 + 3 + 1)
  })

  it('leaves a run alone that is there already', async () => {
    const run = writeRun(join(temporaryFolder(), 'once'))
    const command = ['export', run, '--to', 'mlflow', '--tracking-uri', uri]
    await fedunify(command)
    expect(await fedunify(command)).toMatchObject({ code: 0, out: 'once: is there already\n' })
    expect(runs.size).toBe(1)
  })

  it('sends a run anew of which only a part arrived', async () => {
    const run = writeRun(join(temporaryFolder(), 'cut'))
    const command = ['export', run, '--to', 'mlflow', '--tracking-uri', uri]
    failing = true
    expect(await fedunify(command)).toMatchObject({ code: 3, err: expect.stringContaining('the disk is full') })
    failing = false
    expect(await fedunify(command)).toMatchObject({ code: 0, out: 'cut: run run-2\n' })
    expect(runs.get('run-2')!.metrics).toHaveLength(39)
  })

  it('logs in as MLflow’s own clients do, and never shows a password', async () => {
    const run = writeRun(join(temporaryFolder(), 'secret'))
    login = `Basic ${Buffer.from('me:hush').toString('base64')}`
    const refused = await fedunify(['export', run, '--to', 'mlflow', '--tracking-uri', uri])
    expect(refused).toMatchObject({ code: 3, err: expect.stringContaining('MLFLOW_TRACKING_TOKEN') })
    const withLogin = uri.replace('//', '//me:hush@')
    const wrong = await fedunify(['export', run, '--to', 'mlflow', '--tracking-uri', withLogin.replace('hush', 'hash')])
    expect(wrong.code).toBe(3)
    expect(wrong.err).toContain(`MLflow at ${uri}: experiments/get-by-name: who are you?`)
    expect(wrong.err).not.toContain('hash')
    expect(await fedunify(['export', run, '--to', 'mlflow', '--tracking-uri', withLogin])).toMatchObject({ code: 0 })
  })

  it.each([
    [['--to', 'mlflow'], 'error: --to mlflow without --tracking-uri'],
    [['--to', 'mlflow', '--tracking-uri', './mlruns'], 'expected http://host:port, got "./mlruns"'],
    [['--to', 'mlflow', '--tracking-uri', 'http://127.0.0.1', '--output', 'x'], '--output beside --to mlflow'],
    [['--to', 'parquet', '--output', '-'], '--output -: parquet is no text'],
    [['--to', 'xlsx'], "argument 'xlsx' is invalid"],
    [[], "required option '--to <form>' not specified"],
  ])('refuses %j', async (options, message) => {
    const run = writeRun(join(temporaryFolder(), 'run'))
    const { code, err } = await fedunify(['export', run, ...options])
    expect(code).toBe(2)
    expect(err).toContain(message)
  })

  it('says if nobody answers', async () => {
    const run = writeRun(join(temporaryFolder(), 'run'))
    const gone = createServer()
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
    const { port } = gone.address() as AddressInfo
    await new Promise((resolve) => gone.close(resolve))
    const address = `http://127.0.0.1:${port}`
    const { code, err } = await fedunify(['export', run, '--to', 'mlflow', '--tracking-uri', address])
    expect(code).toBe(3)
    expect(err).toContain(`error: MLflow at ${address}: experiments/get-by-name: connect ECONNREFUSED`)
    expect(err).toContain('hint: is the server running')
  })
})
