import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

function study(): string {
  const folder = temporaryFolder()
  for (const [seed, name] of ['a', 'b'].entries()) writeRun(join(folder, name), { seed })
  return folder
}

describe('fedunify export', () => {
  it('writes into the folder that was named, and says where', async () => {
    const folder = study()
    for (const [form, name] of [
      ['csv', 'export.csv'],
      ['parquet', 'export.parquet'],
      ['tensorboard', 'tensorboard'],
    ] as const) {
      const { code, out, err } = await fedunify(['export', folder, '--to', form])
      expect([code, out, err]).toEqual([0, `${join(folder, name)}\n`, ''])
    }
    expect(readFileSync(join(folder, 'export.csv'), 'utf8').split('\n')).toHaveLength(1 + 2 * 39 + 1)
    expect(readFileSync(join(folder, 'export.parquet'), 'latin1').slice(0, 4)).toBe('PAR1')
    expect(readdirSync(join(folder, 'tensorboard'))).toEqual(['a', 'b'])
    expect(existsSync(join(folder, 'tensorboard', 'a', 'events.out.tfevents.0.fedunify'))).toBe(true)
    // What was exported is no run, and the runs are what they were.
    expect(await fedunify(['export', folder, '--to', 'csv', '--output', '-'])).toMatchObject({
      code: 0,
      out: readFileSync(join(folder, 'export.csv'), 'utf8'),
    })
  })

  it('writes bytes as it writes text: into what a link means, and not to stdout', async () => {
    const folder = study()
    const [file, link] = [join(folder, 'no', 'such', 'a.parquet'), join(folder, 'link.parquet')]
    mkdirSync(join(folder, 'no'))
    expect(await fedunify(['export', folder, '--to', 'parquet', '--output', file])).toMatchObject({ code: 0 })
    const whole = readFileSync(file)
    writeFileSync(file, '')
    symlinkSync(file, link)
    expect(await fedunify(['export', folder, '--to', 'parquet', '--output', link])).toMatchObject({ code: 0 })
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(readFileSync(file).equals(whole)).toBe(true)
    const { code, err } = await runBinary(['export', folder, '--to', 'parquet', '--output', '/dev/stdout'])
    expect([code, err]).toEqual([2, expect.stringContaining('--output /dev/stdout: parquet is no text')])
  })

  it('writes the same bytes again', async () => {
    const folder = study()
    const made = join(folder, 'made')
    mkdirSync(made)
    const files = async (form: string) => {
      const name = join(made, form)
      await fedunify(['export', join(folder, 'a'), '--to', form, '--output', name])
      return readFileSync(form === 'tensorboard' ? join(name, 'a', 'events.out.tfevents.0.fedunify') : name, 'base64')
    }
    for (const form of ['csv', 'parquet', 'tensorboard']) expect(await files(form)).toBe(await files(form))
  })

  it('exports no run that cannot be trusted', async () => {
    const folder = study()
    const { code, err } = await fedunify(['export', join(folder, 'none'), '--to', 'csv'])
    expect([code, err]).toEqual([3, expect.stringContaining('no such folder')])
  })
})
