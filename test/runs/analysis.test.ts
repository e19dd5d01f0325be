import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { analysisText, readAnalysis } from '../../src/runs/analysis.ts'
import { readManifest } from '../../src/runs/manifest.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'

const CONTENT = z.object({ round: z.number() })

async function runWith(change: (text: string) => string) {
  const dir = join(temporaryFolder(), 'run')
  writeRun(dir)
  const manifest = await readManifest(dir)
  const text = change(Buffer.from(analysisText(manifest, { round: 3 })).toString())
  writeFileSync(join(dir, 'explain.json'), text)
  return { dir, text, read: readAnalysis(dir, 'explain.json', manifest, CONTENT) }
}

/** A text whose digest is its own again. */
function resealed(text: string): string {
  const blank = text.replace(/(?<="sha256": ")[\da-f]{64}/, '0'.repeat(64))
  return blank.replace('0'.repeat(64), createHash('sha256').update(blank).digest('hex'))
}

describe('an analysis', () => {
  it('is read as it was written, and has a digest that anybody can make', async () => {
    const { read, text } = await runWith((whole) => whole)
    expect(await read).toEqual({ round: 3 })
    expect(resealed(text)).toBe(text)
  })

  it('is none if there is no file', async () => {
    const dir = temporaryFolder()
    writeRun(dir)
    expect(await readAnalysis(dir, 'remerge.json', await readManifest(dir), CONTENT)).toBeUndefined()
  })

  it.each<[string, (text: string) => string, string]>([
    ['edited', (text) => text.replace('"round": 3', '"round": 4'), 'it is not as it was written'],
    ['cut short', (text) => text.slice(0, -20), 'it is not as it was written'],
    ['empty', () => '', 'it is not as it was written'],
    ['no object', () => '[]', 'it is not as it was written'],
    ['of another run', (text) => resealed(text.replace('"run": "fake/', '"run": "other/')), 'it is of another run'],
    ['of another seed', (text) => resealed(text.replace('"seed": 0', '"seed": 1')), 'it is of another run'],
    ['of other content', (text) => resealed(text.replace('"round": 3', '"round": "3"')), 'round: Invalid input'],
    ['newer', (text) => resealed(text.replace('"format": 1', '"format": 2')), 'format 2 is newer than'],
  ])('that is %s is refused, verified as such, and left out of the report, which says so', async (_, change, why) => {
    const { dir, read } = await runWith(change)
    const file = join(dir, 'explain.json')
    const error = await read.catch((thrown: Error) => thrown)
    expect((error as Error).message).toContain(`${file}: ${why}`)
    const { code, out } = await fedunify(['report', dir, '--out', '-'])
    expect([code, out.includes('id="g1-losses"')]).toEqual([0, false])
    expect(out).toContain(`lacks the figures of explain.json: ${why}`)
    // What the command itself would take for content is known to it alone.
    const { code: verified } = await fedunify(['verify', dir])
    expect(verified).toBe(why.startsWith('round') ? 0 : 3)
  })
})
