import { describe, expect, it } from 'vitest'
import { runCommand } from '../../src/data/fashion-mnist/command.ts'

const options = { cwd: '.' }
const node = (script: string, signal?: AbortSignal) =>
  runCommand(process.execPath, ['-e', script], { ...options, signal })

describe('runCommand', () => {
  it('resolves on exit status 0, with what the program wrote', async () => {
    await expect(node('console.log("said")')).resolves.toBe('said\n')
  })

  it('says why a program failed, on one line', async () => {
    await expect(node('console.error("first\\nlast"); process.exit(3)')).rejects.toThrow(/node: last$/)
    await expect(node('process.exit(3)')).rejects.toThrow(/node: exit status 3$/)
    await expect(runCommand('no-such-program-here', [], options)).rejects.toMatchObject({
      message: 'no-such-program-here is not installed',
      code: 'ENOENT',
    })
  })

  it('ends the program when it is aborted', async () => {
    const controller = new AbortController()
    const running = node('setTimeout(() => {}, 20000)', controller.signal)
    controller.abort(new Error('stopped'))
    await expect(running).rejects.toThrow('stopped')
  })
})
