import { expect, it } from 'vitest'
import { renameFile } from '../../src/system/files.ts'

/** A rename that is refused so many times. */
function refusing(times: number, code: string) {
  const calls: string[] = []
  const move = async (from: string, to: string) => {
    calls.push(`${from} ${to}`)
    if (calls.length <= times) throw Object.assign(new Error(code), { code })
  }
  return { calls, move }
}

it.each(['EPERM', 'EACCES', 'EBUSY'])(
  'on Windows a rename that meets an open file is tried again: %s',
  async (code) => {
    const { calls, move } = refusing(3, code)
    await renameFile('a', 'b', move, 'win32')
    expect(calls).toEqual(Array(4).fill('a b'))
  },
)

it('is given up after ten tries, elsewhere and for other reasons at once', async () => {
  for (const [code, platform, tries] of [
    ['EPERM', 'win32', 10],
    ['EPERM', 'linux', 1],
    ['ENOENT', 'win32', 1],
  ] as const) {
    const { calls, move } = refusing(99, code)
    await expect(renameFile('a', 'b', move, platform)).rejects.toThrow(code)
    expect(calls).toHaveLength(tries)
  }
})
