import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GrowingFile, putFile, writeError } from '../../src/runs/write/growing-file.ts'
import { makeFolders, writeWhole } from '../../src/system/files.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('writeWhole', () => {
  it('replaces a file and leaves nothing beside it', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'manifest.json')
    await writeWhole(file, 'one')
    await writeWhole(file, Buffer.from('two'))
    expect(readFileSync(file, 'utf8')).toBe('two')
    expect(readdirSync(folder)).toEqual(['manifest.json'])
  })

  it('leaves the older file, and nothing beside it, where it fails', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'taken', 'inside'), { recursive: true })
    await expect(writeWhole(join(folder, 'taken'), 'text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    await expect(writeWhole(join(folder, 'absent', 'file'), 'text')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(readdirSync(folder)).toEqual(['taken'])
  })
})

describe('makeFolders', () => {
  it('makes what is missing, and takes what is there', async () => {
    const folder = join(temporaryFolder(), 'a', 'b', 'c')
    await makeFolders(folder)
    await makeFolders(folder)
    expect(existsSync(folder)).toBe(true)
  })

  it('may be asked for the same folders by several at once', async () => {
    const folder = join(temporaryFolder(), 'a', 'b')
    await Promise.all(['1', '2', '3', '4'].map((name) => makeFolders(join(folder, name))))
    expect(readdirSync(folder)).toEqual(['1', '2', '3', '4'])
  })

  it('fails below a file, and where the system takes no folder', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    await expect(makeFolders(file)).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeFolders(join(file, 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    if (process.platform === 'linux') {
      await expect(makeFolders('/proc/none/of/these')).rejects.toMatchObject({ code: 'ENOENT' })
    }
  })
})

describe('putFile', () => {
  it('says which file could not be written', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    await expect(putFile(join(file, 'below'), 'text')).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(`cannot write ${join(file, 'below')}: ENOTDIR`),
      hint: expect.stringContaining('--out DIR'),
    })
  })
})

describe('writeError', () => {
  it.each([
    ['ENOSPC', 'E_DISK_FULL', 'data', /no space left to write it \(ENOSPC\)$/],
    ['EFBIG', 'E_DISK_FULL', 'data', /no space left/],
    ['EDQUOT', 'E_DISK_FULL', 'data', /no space left/],
    ['EACCES', 'E_FILE_UNWRITABLE', 'usage', /^cannot write file: why$/],
  ])('%s', (system, code, kind, message) => {
    const error = writeError('file', Object.assign(new Error('why'), { code: system }))
    expect(error).toMatchObject({ code, kind, message: expect.stringMatching(message) })
    expect(error.hint).toBeTruthy()
  })
})

describe('a growing file', () => {
  it('grows by what is appended, and shows it at once', async () => {
    const file = join(temporaryFolder(), 'local.csv')
    const growing = await GrowingFile.create(file, 'a,b\n')
    expect(readFileSync(file, 'utf8')).toBe('a,b\n')
    await growing.append('1,ä\n')
    expect(readFileSync(file, 'utf8')).toBe('a,b\n1,ä\n')
    await growing.append('2,3\n4,5\n')
    await growing.close()
    expect(readFileSync(file, 'utf8')).toBe('a,b\n1,ä\n2,3\n4,5\n')
  })

  it('names itself where it cannot be created', async () => {
    const folder = temporaryFolder()
    await expect(GrowingFile.create(join(folder, 'absent', 'local.csv'))).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('local.csv'),
    })
    expect(existsSync(join(folder, 'absent'))).toBe(false)
  })

  it.each([
    ['a link', (file: string) => symlinkSync('victim', file)],
    ['a link to nowhere', (file: string) => symlinkSync('nowhere', file)],
    ['a folder', (file: string) => mkdirSync(file)],
    ['a pipe', (file: string) => execFileSync('mkfifo', [file])],
  ])('does not write where %s stands in its place', async (_, stand) => {
    const folder = temporaryFolder()
    const [file, victim] = [join(folder, 'local.csv'), join(folder, 'victim')]
    writeFileSync(victim, 'precious')
    stand(file)
    const refusal = { kind: 'data', message: expect.stringMatching(/local\.csv is (a link to |not a plain file)/) }
    await expect(GrowingFile.create(file, 'a,b\n')).rejects.toMatchObject(refusal)
    const mark = { size: 8, sha256: createHash('sha256').update('precious').digest('hex') }
    await expect(GrowingFile.resume(file, mark)).rejects.toMatchObject(refusal)
    expect(readFileSync(victim, 'utf8')).toBe('precious')
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
  })

  it('is a new file when it goes on: who held it before writes into nothing', async () => {
    const file = join(temporaryFolder(), 'local.csv')
    const first = await GrowingFile.create(file, 'a,b\n1,2\n')
    const mark = await first.mark()
    const second = await GrowingFile.resume(file, mark)
    await first.append('3,4\n')
    await second.append('5,6\n')
    await first.append('7,8\n')
    expect(readFileSync(file, 'utf8')).toBe('a,b\n1,2\n5,6\n')
    await first.close()
    await second.close()
  })

  it('goes on behind a mark, what came after it is cut off', async () => {
    const file = join(temporaryFolder(), 'local.csv')
    const first = await GrowingFile.create(file, 'a,b\n')
    await first.append('1,2\n')
    const mark = await first.mark()
    await first.append('lost,')
    await first.close()
    const second = await GrowingFile.resume(file, mark)
    expect(readFileSync(file, 'utf8')).toBe('a,b\n1,2\n')
    await second.append('3,4\n')
    await second.close()
    expect(readFileSync(file, 'utf8')).toBe('a,b\n1,2\n3,4\n')
  })

  it('does not go on where what stands before the mark was changed', async () => {
    const file = join(temporaryFolder(), 'local.csv')
    const growing = await GrowingFile.create(file, 'a,b\n1,2\n')
    const mark = await growing.mark()
    await growing.close()
    writeFileSync(file, 'a,b\n1,3\n')
    await expect(GrowingFile.resume(file, mark)).rejects.toMatchObject({ kind: 'data', message: /it was edited$/ })
    writeFileSync(file, 'a,b\n')
    await expect(GrowingFile.resume(file, mark)).rejects.toMatchObject({
      message: expect.stringMatching(/shorter than it was$/),
    })
  })
})
