import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { appendFile, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stream } from '../../src/random.ts'
import { encodeCheckpoint, readCheckpoint, type SavedState } from '../../src/runs/checkpoint.ts'
import { BINARY, runBinary, start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { editManifest, manifestOf, putManifest, tornFiles } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
// So many rounds that the run cannot finish before the last kill, even on a busy machine.
const file = experiment('resumed', { rounds: 240, merge: ['avg', 'max'], baseline: 'pooled', init: 'independent' })
const folderOf = (id: string) => join(folder, 'results', 'resumed', id)
const RESULTS = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']

const rounds = (run: string) => {
  const text = existsSync(join(run, 'table.csv')) ? readFileSync(join(run, 'table.csv'), 'utf8') : ''
  return Math.max(0, text.split('\n').length - 2)
}

function expectSameResults(run: string, reference: string): void {
  for (const name of RESULTS) {
    expect(readFileSync(join(run, name)).equals(readFileSync(join(reference, name))), name).toBe(true)
  }
}

test('a run killed 20 times at random moments ends with the bytes of one that never was', {
  timeout: 180_000,
}, async () => {
  const reference = folderOf('whole')
  expect((await runBinary(['run', file, '--run-id', 'whole', '--quiet'])).code).toBe(0)

  const run = folderOf('killed')
  const random = stream(1, 'shuffle')
  let kills = 0
  for (let tries = 0; kills < 20 && tries < 60; tries++) {
    const resume = existsSync(join(run, 'manifest.json'))
    const { child, ended, says } = start([
      'run',
      ...(resume ? ['--resume', run] : [file, '--run-id', 'killed']),
      '--json',
    ])
    // Some kills fall into start-up; most come after a few rounds, spread over everything that a round does.
    if (tries % 6 === 5) await new Promise((resolve) => setTimeout(resolve, 1000 * random.uniform()))
    else {
      await says('round-finished')
      await new Promise((resolve) => setTimeout(resolve, 80 * random.uniform()))
    }
    child.kill('SIGKILL')
    if ((await ended).signal === 'SIGKILL') kills += 1
    expect(tornFiles(run)).toEqual([])
  }
  expect(kills).toBe(20)
  expect(rounds(run)).toBeGreaterThan(8)

  const last = await runBinary(['run', '--resume', run, '--quiet'])
  expect(last.err).toBe('')
  expect(last.code).toBe(0)
  expect(manifestOf(run)).toMatchObject({ status: 'finished', rounds: 240 })
  expectSameResults(run, reference)
})

test('a kill between any two writes of a round loses that round alone', { timeout: 120_000 }, async () => {
  const short = experiment('between', { rounds: 3, init: 'independent', baseline: 'pooled' })
  const at = (id: string) => join(folder, 'results', 'between', id)
  await runBinary(['run', short, '--run-id', 'whole', '--quiet'])

  // Snapshots after round 2 and after round 3, as a kill right behind a checkpoint leaves them.
  const after = async (round: number) => {
    const { child, ended, says } = start(['run', short, '--run-id', `after-${round}`, '--json'])
    await says(`"round":${round},"lr"`)
    child.kill('SIGKILL')
    await ended
    return at(`after-${round}`)
  }
  const older = await after(2)
  const newer = at('whole')
  // The order in which a round writes. A kill in front of the k-th leaves the first k new and the rest old.
  const order = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
  for (let k = 0; k <= order.length; k++) {
    const run = at(`mixed-${k}`)
    await cp(older, run, { recursive: true })
    for (const name of order.slice(0, k)) await cp(join(newer, name), join(run, name))
    await appendFile(join(run, 'events.jsonl'), '{"type":"round-fin')
    await writeFile(join(run, '.model.onnx.0123456789ab.tmp'), 'half a fi')
    const ended = await runBinary(['run', '--resume', run, '--quiet'])
    expect(ended.code, ended.err).toBe(0)
    for (const name of RESULTS) {
      expect((await readFile(join(run, name))).equals(await readFile(join(newer, name))), `${name} of ${k}`).toBe(true)
    }
    expect(existsSync(join(run, '.model.onnx.0123456789ab.tmp'))).toBe(false)
  }
})

test('a run goes on only as what it was, and says what differs', async () => {
  const two = experiment('differs', { rounds: 2 })
  const run = join(folder, 'results', 'differs', 'a')
  await runBinary(['run', two, '--run-id', 'a', '--quiet'])
  const manifest = manifestOf(run)
  const set = (change: object) => putManifest(run, { ...manifest, ...change })

  set({ status: 'interrupted' })
  const other = await runBinary(['run', '--resume', run, '--lr', '0.2', '--seed', '3'])
  expect(other.code).toBe(2)
  expect(other.err).toContain('lr (run: 0.05, now: 0.2)')
  expect(other.err).toContain('seed (run: 0, now: 3)')
  expect((await runBinary(['run', '--resume', run, '--workers', '1', '--quiet'])).code).toBe(0)

  set({
    status: 'interrupted',
    fedunify: '0.0.1',
    engine: { ...manifest.engine, version: 'onnxruntime-node 1.0' },
  })
  const older = await runBinary(['run', '--resume', run])
  expect(older.code).toBe(2)
  expect(older.err).toContain('fedunify (run: "0.0.1"')
  expect(older.err).toContain('engine (run: "onnx on cpu, onnxruntime-node 1.0"')

  set({ status: 'interrupted', dataset: { ...manifest.dataset, sha256: { x: '00' } } })
  expect((await runBinary(['run', '--resume', run])).err).toContain('dataset_sha256')
})

test('Ctrl-C says how to go on; --dry-run what is left; two processes do not go on at once', async () => {
  const long = experiment('locked', { rounds: 400 })
  const run = join(folder, 'results', 'locked', 'a')
  const first = start(['run', long, '--run-id', 'a'])
  await first.says('round   2/400')
  const second = await runBinary(['run', '--resume', run, '--quiet'])
  expect(second).toMatchObject({
    code: 2,
    err: expect.stringMatching(/process \d+ on .* is at work in this run folder/),
  })
  first.child.kill('SIGINT')
  const { code, err } = await first.ended
  expect(code).toBe(130)
  expect(err).toContain(`error: interrupted\nhint: go on with: fedunify run --resume ${run}\n`)
  expect(existsSync(join(run, '.lock'))).toBe(false)
  expect(tornFiles(run)).toEqual([])

  const before = await readFile(join(run, 'manifest.json'), 'utf8')
  const left = await runBinary(['run', '--resume', run, '--dry-run'])
  expect(left).toMatchObject({ code: 0, out: expect.stringContaining(`in rounds ${rounds(run) + 1} to 400; nothing`) })
  const more = await runBinary(['run', '--resume', run, '--dry-run', '--rounds', '500'])
  expect(more).toMatchObject({ code: 0, out: expect.stringContaining(`in rounds ${rounds(run) + 1} to 500; nothing`) })
  const other = await runBinary(['run', '--resume', run, '--dry-run', '--batch', '7'])
  expect(other).toMatchObject({ code: 2, err: expect.stringMatching(/batch \(run: \d+, now: 7\)/) })
  expect(await readFile(join(run, 'manifest.json'), 'utf8')).toBe(before)
})

test('what was changed behind its back is refused, and nothing is overwritten', async () => {
  const two = experiment('edited', { rounds: 2 })
  const run = join(folder, 'results', 'edited', 'a')
  await runBinary(['run', two, '--run-id', 'a', '--quiet'])
  putManifest(run, { ...manifestOf(run), status: 'interrupted' })
  const resume = () => runBinary(['run', '--resume', run])

  const csv = await readFile(join(run, 'local.csv'), 'utf8')
  await writeFile(join(run, 'local.csv'), csv.replace(/0\.\d/, '0.9'))
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('it was edited') })
  await writeFile(join(run, 'local.csv'), csv.slice(0, 100))
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('shorter than the run left it') })
  expect(await readFile(join(run, 'local.csv'), 'utf8')).toBe(csv.slice(0, 100))
  await rm(join(run, 'local.csv'))
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('local.csv') })
  await writeFile(join(run, 'local.csv'), csv)

  const config = await readFile(join(run, 'config.yaml'))
  await rm(join(run, 'config.yaml'))
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('config.yaml: no such file') })
  await writeFile(join(run, 'config.yaml'), config)

  // A run that has rounds does not begin anew over them.
  await rm(join(run, 'checkpoint.safetensors'))
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('is missing, 2 rounds are done') })
  expect(await readFile(join(run, 'local.csv'), 'utf8')).toBe(csv)
  await writeFile(join(run, 'checkpoint.safetensors'), 'torn')
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('checkpoint.safetensors') })
  await writeFile(join(run, 'manifest.json'), '{"half": ')
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('not the manifest') })
})

test('resuming a finished run shows its result and changes nothing', async () => {
  const two = experiment('done', { rounds: 2 })
  const run = join(folder, 'results', 'done', 'a')
  await runBinary(['run', two, '--run-id', 'a', '--quiet'])
  const before = await readFile(join(run, 'manifest.json'), 'utf8')
  const again = await runBinary(['run', '--resume', run])
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining('unified accuracy') })
  expect(await readFile(join(run, 'manifest.json'), 'utf8')).toBe(before)
  expect(again.err).toContain(`${run} has finished already`)

  // An old result must not pass for that of what is asked for now.
  const more = await runBinary(['run', '--resume', run, '--rounds', '5', '--set', 'lr=0.3'])
  expect(more).toMatchObject({ code: 2, out: '', err: expect.stringContaining(': lr (run: 0.05, now: 0.3) differs') })
  expect(await runBinary(['run', '--resume', run, '--rounds', '2', '--quiet'])).toMatchObject({ code: 0, err: '' })
  expect(await runBinary(['run', '--resume', run, '--run-id', 'b'])).toMatchObject({ code: 2, out: '' })
})

test('a finished run is told of only as it was', { timeout: 240_000 }, async () => {
  const two = experiment('told', { rounds: 2 })
  const run = join(folder, 'results', 'told', 'a')
  await runBinary(['run', two, '--run-id', 'a', '--quiet'])
  for (const name of [...RESULTS, 'events.jsonl']) {
    const whole = await readFile(join(run, name), 'latin1')
    const lines = whole.trimEnd().split('\n')
    const damages = {
      cut: `${lines.slice(0, -1).join('\n')}\n`,
      edited: whole.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10)),
      longer: `${whole}${lines.at(-1)}\n`,
    }
    for (const [how, text] of Object.entries(damages)) {
      await writeFile(join(run, name), text, 'latin1')
      const gate = join(folder, 'gate.yaml')
      await writeFile(gate, '- { metric: unified, min: 0 }\n')
      const calls = [
        ['run', '--resume', run],
        ['run', '--resume', run, '--json'],
        ['check', run, '--expect', gate],
        ['report', run, '--out', join(folder, 'page.html')],
        ['compare', run, run],
      ]
      // At once: there are more than a hundred processes to start.
      const ended = await Promise.all(calls.map((args) => runBinary(args)))
      for (const [i, { code, err, out }] of ended.entries()) {
        const [command] = calls[i]!
        expect([code, command, name, how]).toEqual([3, command, name, how])
        expect(err + out).toContain(name)
        expect(out).not.toContain('unified accuracy')
      }
    }
    await writeFile(join(run, name), whole, 'latin1')
  }
  expect(await runBinary(['run', '--resume', run])).toMatchObject({ code: 0 })
  // A published run may lack what is large.
  for (const name of ['checkpoint.safetensors', 'model.safetensors', 'model.onnx']) await rm(join(run, name))
  expect(await runBinary(['run', '--resume', run])).toMatchObject({ code: 0 })
  await appendFile(join(run, 'events.jsonl'), '{"type":"round-finished"}\n')
  expect(await runBinary(['report', run, '--out', join(folder, 'page.html')])).toMatchObject({ code: 3 })
})

/** A run that was killed after so many rounds. */
async function killed(name: string, round: number, given: object = {}): Promise<string> {
  const file = experiment(name, { rounds: 400, baseline: 'pooled', ...given })
  const { child, ended, says } = start(['run', file, '--run-id', 'a', '--json'])
  await says(`"round":${round},"lr"`)
  child.kill('SIGKILL')
  await ended
  return join(folder, 'results', name, 'a')
}

test('a run counts its rounds while it goes on, and never begins anew over them', async () => {
  const run = await killed('lost', 5)
  const done = manifestOf(run).rounds
  expect(done).toBeGreaterThanOrEqual(4)
  const checkpoint = await readFile(join(run, 'checkpoint.safetensors'))
  const tables = readFileSync(join(run, 'unified.csv'), 'utf8')
  const resume = () => runBinary(['run', '--resume', run, '--quiet'])

  await rm(join(run, 'checkpoint.safetensors'))
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('checkpoint.safetensors is missing') })
  // Also where the manifest does not know of them.
  const manifest = await readFile(join(run, 'manifest.json'), 'utf8')
  editManifest(run, /"rounds": \d+/, '"rounds": 0')
  expect(await resume()).toMatchObject({ code: 3, err: expect.stringContaining('checkpoint.safetensors is missing') })
  await writeFile(join(run, 'manifest.json'), manifest)
  expect(readFileSync(join(run, 'unified.csv'), 'utf8')).toBe(tables)

  await writeFile(join(run, 'checkpoint.safetensors'), checkpoint)
  expect(await runBinary(['run', '--resume', run, '--dry-run'])).toMatchObject({ code: 0 })
})

test('an older checkpoint is not put over newer rounds', async () => {
  const run = await killed('older', 3)
  const older = await readFile(join(run, 'checkpoint.safetensors'))
  const second = start(['run', '--resume', run, '--json'])
  await second.says('"round":9,"lr"')
  second.child.kill('SIGKILL')
  await second.ended
  await writeFile(join(run, 'checkpoint.safetensors'), older)
  const tables = readFileSync(join(run, 'unified.csv'), 'utf8')
  for (const rounds of [undefined, 0]) {
    if (rounds === 0) editManifest(run, /"rounds": \d+/, '"rounds": 0')
    const refused = await runBinary(['run', '--resume', run, '--quiet'])
    expect(refused).toMatchObject({ code: 3, err: expect.stringMatching(/rounds are done|holds round \d+/) })
    expect(readFileSync(join(run, 'unified.csv'), 'utf8')).toBe(tables)
  }
})

test('a checkpoint of another model, without its marks or beyond the run is refused', async () => {
  const run = await killed('foreign', 2)
  const file = join(run, 'checkpoint.safetensors')
  const saved = (await readCheckpoint(run))!
  const { 'events.jsonl': _, ...files } = saved.files
  const bias = { shape: [5], data: new Float32Array(5) }
  const cases: [Partial<SavedState>, RegExp][] = [
    [{ files }, /has no mark for events\.jsonl/],
    [{ unified: new Map([...saved.unified].slice(1)) }, /has no tensor unified\//],
    [
      { unified: new Map([...saved.unified, ['dense1.bias', bias]]) },
      /has unified\/dense1\.bias of \[5\], the model \[4\]/,
    ],
    [{ unified: new Map([...saved.unified, ['extra', bias]]) }, /has a tensor unified\/extra/],
    [{ pooled: undefined }, /has no tensor pooled\//],
    [{ round: 401 }, /is of round 401, but the run has 400/],
    [{ round: saved.round + 1 }, /ends with round \d+, but the checkpoint is of round \d+/],
  ]
  for (const [change, message] of cases) {
    await writeFile(file, encodeCheckpoint({ ...saved, ...change }))
    const refused = await runBinary(['run', '--resume', run, '--quiet'])
    expect(refused).toMatchObject({ code: 3, err: expect.stringMatching(message) })
    expect(refused.err.trimEnd().split('\n')).toHaveLength(2)
  }
})

test('a checkpoint of another run is refused, though it is whole', async () => {
  const [one, other] = [await killed('mine', 6), await killed('theirs', 2, { seed: 1 })]
  for (const name of ['manifest.json', 'config.yaml']) await cp(join(other, name), join(one, name))
  const tables = readFileSync(join(one, 'unified.csv'), 'utf8')
  const resumed = await runBinary(['run', '--resume', one, '--quiet'])
  expect(resumed).toMatchObject({ code: 3, err: expect.stringContaining('belongs to another run') })
  expect(readFileSync(join(one, 'unified.csv'), 'utf8')).toBe(tables)
  const gate = join(folder, 'gate.yaml')
  await writeFile(gate, '- { metric: unified, min: 0 }\n')
  expect(await runBinary(['check', one, '--expect', gate])).toMatchObject({ code: 3 })
  expect(await runBinary(['compare', one, other])).toMatchObject({ code: 3 })
})

test('no run folder is made in a run folder, and a pipe is no config', async () => {
  const inner = experiment('inner', { rounds: 2 })
  const outer = join(folder, 'results', 'inner', 'a')
  await runBinary(['run', inner, '--run-id', 'a', '--quiet'])
  const args = ['run', inner, '--out', join(folder, 'results', 'inner'), '--name', 'a', '--run-id', 'b']
  expect(await runBinary(args)).toMatchObject({ code: 2, err: expect.stringContaining(`${outer} is a run folder`) })
  putManifest(outer, { ...manifestOf(outer), status: 'interrupted' })
  await rm(join(outer, 'config.yaml'))
  execFileSync('mkfifo', [join(outer, 'config.yaml')])
  expect(await runBinary(['run', '--resume', outer])).toMatchObject({
    code: 3,
    err: expect.stringContaining('config.yaml: no such file'),
  })
})

test('a run that was killed between its last round and its last word is complete', async () => {
  const file = experiment('last-word', { rounds: 3 })
  const run = join(folder, 'results', 'last-word', 'a')
  await runBinary(['run', file, '--run-id', 'a', '--quiet'])
  const { finished, files, reason, ...manifest } = manifestOf(run)
  putManifest(run, { ...manifest, status: 'running' })
  await writeFile(join(folder, 'gate.yaml'), '- { metric: unified, min: 0 }\n')
  expect(await runBinary(['check', run, '--expect', join(folder, 'gate.yaml')])).toMatchObject({ code: 0 })
  expect(await runBinary(['run', '--resume', run, '--quiet'])).toMatchObject({ code: 0 })
  expect(manifestOf(run)).toMatchObject({ status: 'finished', rounds: 3 })
})

test('files of a run folder that are links are not written through', async () => {
  const run = await killed('links', 2)
  const victim = join(folder, 'victim')
  for (const name of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'events.jsonl']) {
    const file = join(run, name)
    const content = await readFile(file)
    // A link to the very content that it had, and more.
    await writeFile(victim, content)
    await rm(file)
    await symlink(victim, file)
    const refused = await runBinary(['run', '--resume', run, '--quiet'])
    expect(refused).toMatchObject({ code: 3, err: expect.stringContaining(`${file} is a link to ${victim}`) })
    expect((await readFile(victim)).equals(content)).toBe(true)
    await rm(file)
    await writeFile(file, content)
  }
  const elsewhere = join(folder, 'elsewhere')
  await mkdir(elsewhere)
  await symlink(elsewhere, join(folder, 'results', 'linked'))
  const refused = await runBinary(['run', experiment('linked'), '--quiet'])
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(`is a link to ${elsewhere}`) })
  expect(await readdir(elsewhere)).toEqual([])
})

// A limit on the size of files stands for a full disk: the system refuses what goes beyond, in the midst of a write.
test.skipIf(process.platform === 'win32')(
  'a disk that is full in the first round leaves a folder that goes on',
  async () => {
    const file = experiment('full', { rounds: 3, model: [{ type: 'flatten' }, { type: 'dense', units: 4 }] })
    const whole = join(folder, 'results', 'full', 'whole')
    await runBinary(['run', file, '--run-id', 'whole', '--quiet'])
    let left = 0
    for (let kib = 1; ; kib++) {
      const id = `full-${kib}`
      const run = join(folder, 'results', 'full', id)
      const limit = `trap '' XFSZ; ulimit -f ${kib}; exec "$@"`
      const full = await runBinary(['run', file, '--run-id', id, '--quiet'], {
        command: ['bash', '-c', limit, 'bash', process.execPath, BINARY],
      })
      // Where all files fit, there is nothing more to see.
      if (full.code === 0) break
      expect([full.code, full.err]).toEqual([3, expect.stringMatching(/^error: .*no space left.*\nhint: .*\n$/)])
      if (!existsSync(run)) continue
      left += 1
      expect(manifestOf(run).rounds).toBeLessThan(3)
      expect(await runBinary(['run', '--resume', run, '--quiet'])).toMatchObject({ code: 0, err: '' })
      expectSameResults(run, whole)
    }
    expect(left).toBeGreaterThan(2)
  },
)
