import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { describe, expect, it, test } from 'vitest'
import { start } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type FileTensor, f32, readModelFile, writeModel } from '../support/model-file.ts'

/** A folder with a.safetensors and b.safetensors. */
function models(
  a: Readonly<Record<string, FileTensor>> = { w: f32(1, 2) },
  b: Readonly<Record<string, FileTensor>> = { w: f32(5, -8) },
) {
  const folder = temporaryFolder()
  const at = (name: string) => join(folder, name)
  return { at, a: writeModel(at('a.safetensors'), a), b: writeModel(at('b.safetensors'), b), out: at('m.safetensors') }
}

const valuesOf = (path: string) => readModelFile(path).tensors.w!.values

describe('fedunify merge', () => {
  it('merges by avg if nothing else is said, and prints where', async () => {
    const { a, b, out } = models()
    const ended = await fedunify(['merge', a, b, '-o', out])
    expect({ code: ended.code, out: ended.out }).toEqual({ code: 0, out: `${out}\n` })
    expect(ended.err).toMatch(/^merged 2 models, 1 tensor, \d+ bytes in .+; card: .+m\.safetensors\.card\.json\n$/)
    expect(valuesOf(out)).toEqual([3, -3])
    expect((await fedunify(['merge', a, b, '-o', out, '--force', '--quiet'])).err).toBe('')
  })

  it('takes a rule as run takes one: with options, and from a file', async () => {
    const { a, b, at, out } = models()
    expect((await fedunify(['merge', a, b, '--rule', 'absmax', '-o', out])).code).toBe(0)
    expect(valuesOf(out)).toEqual([5, -8])
    const weighted = ['--rule', 'weighted-avg', '--weights', '1,3', '--dtype', 'bfloat16']
    expect((await fedunify(['merge', a, b, ...weighted, '-o', out, '--force'])).code).toBe(0)
    // 4 and -5.5
    expect(valuesOf(out)).toEqual([0x4080, 0xc0b0])
    writeFileSync(at('my-rule.mjs'), readFileSync('examples/my-rule.mjs'))
    const own = await fedunify(['merge', a, b, '--rule', `${at('my-rule.mjs')}:p=0.25`, '-o', out, '--force'])
    expect(own.err).not.toContain('error')
    expect(valuesOf(out)).toEqual([2, -5.5])
    const { rule } = JSON.parse(readFileSync(`${out}.card.json`, 'utf8'))
    expect(rule).toEqual({
      name: 'my-rule',
      options: { p: 0.25 },
      file: 'my-rule.mjs',
      sha256: expect.stringMatching(/^[\da-f]{64}$/),
    })
  })

  it.each<[string[], number, string]>([
    [[], 2, 'error: no models are named'],
    [['a', '-o', 'm'], 2, 'error: there is nothing to merge: one model'],
    [['a', 'b'], 2, 'error: it is not said where the merged model goes'],
    [['a', 'b', '-o', 'm', '--rule', 'average'], 2, 'expected one of avg, max'],
    [['a', 'b', '-o', 'm', '--rule', 'avg,max'], 2, '--rule: expected one rule, got avg, max'],
    [['a', 'b', 'c', '-o', 'm', '--rule', 'trimmed-mean:beta=0.7'], 2, 'expected a number below 0.5, got 0.7'],
    [['a', 'b', '-o', 'm', '--rule', 'trimmed-mean:bet=0.2'], 2, 'unknown key "bet"'],
    [['a', 'b', '-o', 'm', '--rule', './none.mjs'], 2, './none.mjs: no such file'],
    [['a', 'b', '-o', 'm', '--weights', '1,0'], 2, '--weights: expected numbers above 0, got "1,0"'],
    [['a', 'b', '-o', 'm', '--weights', '1,-2'], 2, '--weights: expected numbers above 0'],
    [['a', 'b', '-o', 'm', '--weights', '1,'], 2, '--weights: expected numbers above 0'],
    [['a', 'b', '-o', 'm', '--rule', 'weighted-avg', '--weights', '1e308,1e308'], 2, 'too large to be added'],
    [['a', 'b', '-o', 'm', '--weights', '1'], 2, '--weights: 1 for 2 models'],
    [['a', 'b', '-o', 'm', '--weights', '1,2'], 2, 'merge avg: it makes no use of weights'],
    [['a', 'b', '-o', 'm', '--base', 'a'], 2, 'merge avg: it makes no use of a base'],
    [['a', 'b', '-o', 'm', '--dtype', 'int8'], 2, 'Allowed choices are float32, float16, bfloat16'],
    [['a', 'b', '-o', 'm', '--shard-size', 'big'], 2, '--shard-size: expected a size, got "big"'],
    [['a', 'b', '-o', 'm', '--shard-size', '0'], 2, '--shard-size: expected a size'],
    [['a', 'b', '-o', 'm', '--shard-size', '2GB'], 2, 'a model in several files is a folder'],
    [['a', 'none', '-o', 'm'], 3, 'none.safetensors: no such file'],
    [['a', 'b', '-o', 'a', '--force'], 2, 'is one of the models that are read'],
    [['a', '--recipe', 'x.yaml'], 2, 'a.safetensors beside --recipe'],
    [['--recipe', 'x.yaml', '--shard-size', '2GB'], 2, '--shard-size beside --recipe'],
  ])('%j is refused, and nothing is written', async (words, code, message) => {
    const { at } = models()
    const args = words.map((word) =>
      /^(a|b|m|none)$/.test(word) ? at(`${word}.safetensors`) : word === 'c' ? at('a.safetensors') : word,
    )
    const ended = await fedunify(['merge', ...args])
    expect(ended.err).toContain(message)
    expect(ended.code).toBe(code)
    expect(readdirSync(at('.')).sort()).toEqual(['a.safetensors', 'b.safetensors'])
  })

  it('draws a bar of bytes on a terminal, and is silent on the way elsewhere', async () => {
    const { a, b, out } = models()
    const stream = new PassThrough()
    let drawn = ''
    stream.on('data', (chunk) => {
      drawn += chunk
    })
    const terminal = Object.assign(stream, { columns: 80, rows: 24, isTTY: true }) as unknown as WriteStream
    expect((await fedunify(['merge', a, b, '-o', out], { terminal })).code).toBe(0)
    expect(drawn).toContain('16 bytes of 16 bytes')
    expect(drawn).toContain('merged 2 models, 1 tensor')
  })

  it('stops for a signal, and says that nothing was written', async () => {
    const { a, b, at, out } = models()
    const { code, err } = await fedunify(['merge', a, b, '-o', out], { signal: AbortSignal.abort() })
    expect({ code, err }).toEqual({ code: 130, err: 'error: interrupted\nhint: nothing was written\n' })
    expect(readdirSync(at('.')).sort()).toEqual(['a.safetensors', 'b.safetensors'])
  })
})

describe('a recipe', () => {
  const recipe = (at: (name: string) => string, text: string) => {
    mkdirSync(at('recipes'), { recursive: true })
    writeFileSync(at('recipes/recipe.yaml'), text)
    return at('recipes/recipe.yaml')
  }

  it('says all that flags say, with paths from its own folder', async () => {
    const { at } = models()
    const file = recipe(
      at,
      `\
format: 1
models:
  - path: ../a.safetensors
    weight: 1
  - { path: ../b.safetensors, weight: 3 }
rule: weighted-avg
dtype: float32
out: m.safetensors
`,
    )
    expect(await fedunify(['merge', '--recipe', file, '--quiet'])).toEqual({
      code: 0,
      err: '',
      out: `${at('recipes/m.safetensors')}\n`,
    })
    expect(valuesOf(at('recipes/m.safetensors'))).toEqual([4, -5.5])
    expect((await fedunify(['merge', '--recipe', file, '--out', at('n.safetensors')])).code).toBe(0)
    expect(valuesOf(at('n.safetensors'))).toEqual([4, -5.5])
  })

  it('names a rule in every way that an experiment does', async () => {
    const { at } = models()
    writeFileSync(at('mine.mjs'), readFileSync('examples/my-rule.mjs'))
    for (const rule of ['../mine.mjs:p=1', '{ ../mine.mjs: { p: 1 } }']) {
      const file = recipe(
        at,
        `models: [../a.safetensors, ../b.safetensors]\nrule: ${JSON.stringify(rule).replace(/^"(\{.*)"$/, '$1')}\nout: m.safetensors\n`,
      )
      const { code, err } = await fedunify(['merge', '--recipe', file, '--force'])
      expect(err).not.toContain('error')
      expect(code).toBe(0)
      expect(valuesOf(at('recipes/m.safetensors'))).toEqual([5, 2])
    }
  })

  it.each([
    ['models: []', 'recipe.yaml:1: models: expected at least 1 in the list'],
    ['rule: avg', 'expected a list, got nothing'],
    ['models: [a]\nrules: avg', 'recipe.yaml:2: unknown key "rules"'],
    ['models: [{ path: a, weight: 0 }]', 'expected a number above 0, got 0'],
    ['models: [{ path: a, weight: 1 }, b]', 'this model has no weight, and others have one'],
    ['models: [a, b]\nrule: max:x=1', 'recipe.yaml:2: unknown key "x"'],
    ['models: [a, b]\nrule: { none: {} }', 'recipe.yaml:2'],
    ['models: [a, b]\ndtype: int8', 'expected one of float32, float16, bfloat16'],
    ['models: [a, b]\nshard-size: 1 zebra\nout: m', 'recipe.yaml:2: expected a size'],
    ['models: [a, b]', 'it is not said where the merged model goes'],
    ['- a', 'expected keys and values, got a list'],
    ['format: 2\nmodels: [a, b]', 'recipe format 2 is newer'],
  ])('%j is refused', async (text, message) => {
    const { at } = models()
    const { code, err } = await fedunify(['merge', '--recipe', recipe(at, text)])
    expect(err).toContain(message)
    expect(code).toBe(2)
  })
})

/** A file of tensors of so many values, which are all 1. */
function large(path: string, lengths: readonly number[]) {
  const data = new Uint8Array(new Float32Array(Math.max(...lengths)).fill(1).buffer)
  const tensor = (length: number) => ({ dtype: 'F32', shape: [length], data: data.subarray(0, 4 * length) })
  return writeModel(path, Object.fromEntries(lengths.map((length, i) => [`w${i}`, tensor(length)])))
}

/** Makes a process say how much memory it had at most, in MB. (Its maxRSS would count what its parent had.) */
const TELL = `import { readFileSync } from 'node:fs'
process.on('exit', () => {
  const [, kilobytes] = /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))
  process.stderr.write('peak ' + kilobytes / 1000 + '\\n')
})`

/** Merges in a process of its own, and returns its peak in MB. */
async function peakOf(args: readonly string[]): Promise<number> {
  const node = [
    process.execPath,
    `--import=data:text/javascript,${encodeURIComponent(TELL)}`,
    join('dist', 'bin.js'),
  ] as const
  const { code, err } = await start(['merge', ...args], { command: node, patience: 110_000 }).ended
  expect(err).toMatch(/^merged /)
  expect(code).toBe(0)
  return Number(/peak (\d+)/.exec(err)![1])
}

/** A rule of which nobody knows that it takes each element by itself. */
const FIRST = `export default {
  summary: 'first', source: 'none', when: 'never', needs: 'each',
  make: () => (values, owners, out) => out.set(values[0]),
}`

describe.skipIf(process.platform !== 'linux')('memory does not grow with the models', () => {
  it('if a rule takes each element by itself, nor with their tensors', { timeout: 120_000 }, async () => {
    const { at } = models()
    const lengths = [50_000_000, 2_500_000, ...Array.from({ length: 40 }, () => 250_000)]
    const [a, b] = [large(at('a.safetensors'), lengths), large(at('b.safetensors'), lengths)]
    // The models have 500 MB, and 250 MB are written.
    expect(await peakOf([a, b, '-o', at('m.safetensors')])).toBeLessThan(300)
  })

  it('if a rule needs a tensor of each at once', { timeout: 120_000 }, async () => {
    const { at } = models()
    writeFileSync(at('first.mjs'), FIRST)
    const lengths = Array.from({ length: 25 }, (_, i) => 1_300_000 + 20_000 * i)
    const files = ['a', 'b', 'c'].map((name) => large(at(`${name}.safetensors`), lengths))
    // The models have 460 MB, of which 7 MB each are in one tensor.
    expect(await peakOf([...files, '--rule', at('first.mjs'), '-o', at('m.safetensors')])).toBeLessThan(300)
  })
})

/** A rule that takes a while for each tensor. */
const SLOW = `export default {
  summary: 'slow', source: 'none', when: 'never', needs: 'each',
  make: () => (values, owners, out) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    out.set(values[0])
  },
}`

test.skipIf(process.platform === 'win32')('Ctrl-C leaves nothing', { timeout: 120_000 }, async () => {
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`w${i}`, f32(i)]))
  const { at, a, b } = models(many, many)
  writeFileSync(at('slow.mjs'), SLOW)
  const args = ['merge', a, b, '--rule', at('slow.mjs'), '-o', at('m.safetensors')]
  const { child, ended } = start(args, { patience: 110_000 })
  const begun = () => readdirSync(at('.')).some((name) => name.endsWith('.tmp'))
  while (!begun() && child.exitCode === null) await new Promise((done) => setTimeout(done, 1))
  child.kill('SIGINT')
  const { code, err } = await ended
  expect(err).toBe('error: interrupted\nhint: nothing was written\n')
  expect(code).toBe(130)
  expect(readdirSync(at('.')).sort()).toEqual(['a.safetensors', 'b.safetensors', 'slow.mjs'])
})
