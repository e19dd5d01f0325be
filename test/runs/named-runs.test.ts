import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { allRuns, namedRuns } from '../../src/runs/read/named-runs.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

function study(): string {
  const folder = temporaryFolder()
  for (const [seed, name] of ['a', 'b'].entries()) writeRun(join(folder, name), { seed })
  return folder
}

describe('namedRuns', () => {
  it('finds runs by folder, folder of runs, glob and manifest, and loads each once', async () => {
    const folder = study()
    const names = [join(folder, 'a'), folder, join(folder, '*'), join(folder, 'b', 'manifest.json')]
    const [one, all, glob, manifest] = (await namedRuns(names)).map(allRuns)
    expect(all!.map(({ path }) => path)).toEqual([join(folder, 'a'), join(folder, 'b')])
    expect(glob).toEqual(all)
    for (const run of [...one!, ...glob!, ...manifest!]) expect(all).toContain(run)
  })

  it('has what cannot be read in its place, and the others', async () => {
    const folder = study()
    rmSync(join(folder, 'a', 'manifest.json'))
    symlinkSync('/nowhere', join(folder, 'lost'))
    const [found] = await namedRuns([folder])
    expect(found).toMatchObject([
      { path: folder, error: { message: `${join(folder, 'lost')}: cannot be read: a link that leads nowhere` } },
      { path: join(folder, 'a'), error: { kind: 'data' } },
      { path: join(folder, 'b'), run: { finished: true } },
    ])
    expect(() => allRuns(found!)).toThrow('a link that leads nowhere')
  })

  it('says of a name why there is nothing', async () => {
    const folder = study()
    writeFileSync(join(folder, 'notes.txt'), '')
    const found = await namedRuns([join(folder, 'c'), join(folder, 'c*'), join(folder, 'notes.txt')])
    expect(found).toMatchObject([
      [{ missing: 'no such folder' }],
      [{ missing: 'the glob matches no run' }],
      [{ error: { message: expect.stringContaining('a file, not the folder of a run') } }],
    ])
    expect(() => allRuns(found[1]!)).toThrow(`${join(folder, 'c*')}: the glob matches no run`)
  })
})
