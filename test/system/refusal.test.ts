import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { EXIT, FedunifyError } from '../../src/errors.ts'
import { refusalOf } from '../../src/system/refusal.ts'

const system = (code: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { code, errno: -1, ...more })

it.each([
  [system('EMFILE', "EMFILE: too many open files, open '/a'", { path: '/a' }), 2, 'too many open files: /a'],
  [system('ENFILE', 'ENFILE: file table overflow, scandir'), 2, 'too many open files'],
  [system('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE'), 2, 'too many open files'],
  [new Error('Cannot read package config /a/package.json: too many open files.'), 2, 'too many open files'],
  [system('ENOMEM', 'ENOMEM: not enough memory, read'), 2, 'not enough memory: ENOMEM: not enough memory, read'],
  [new RangeError('Array buffer allocation failed'), 2, 'not enough memory: Array buffer allocation failed'],
  [
    new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory'),
    2,
    'not enough memory: WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory',
  ],
  [
    system('MODULE_NOT_FOUND', "Cannot find module 'x'\nRequire stack:\n- y"),
    2,
    /not whole: Cannot find module 'x' Req/,
  ],
  [
    system('EACCES', "EACCES: permission denied, open '/a, b'", { path: '/a, b' }),
    3,
    '/a, b: permission denied (EACCES)',
  ],
  [system('ELOOP', "ELOOP: too many links, stat 'x'", { path: 'x' }), 3, 'x: too many links (ELOOP)'],
  [system('EIO', 'EIO: i/o error, read'), 3, 'the system: i/o error (EIO)'],
  [system('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 3, 'connect ECONNREFUSED 127.0.0.1:1'],
  [
    system('ENOENT', 'ENOENT: no such file or directory, uv_cwd', { syscall: 'uv_cwd' }),
    3,
    'the current folder: no such file or directory (ENOENT)',
  ],
])('%s is foreseen', (error, code, message) => {
  const refusal = refusalOf(error)
  expect(refusal?.exitCode).toBe(code)
  expect(refusal?.message).toMatch(message)
  expect(refusal?.message).not.toContain('\n')
  expect(refusal?.cause).toBe(error)
})

it('names too many open files also where they are the cause of what was thrown', () => {
  const cause = system('EMFILE', "EMFILE: too many open files, open '/a'", { path: '/a' })
  const refusal = refusalOf(new FedunifyError('E_FILE_UNREADABLE', 'a: cannot be read', undefined, { cause }))
  expect(refusal).toMatchObject({
    code: 'E_FILE_LIMIT',
    kind: 'usage',
    message: 'too many open files: /a',
    hint: expect.stringContaining('ulimit -n'),
  })
})

it.each([
  [system('EMFILE', 'EMFILE: too many open files'), 'E_FILE_LIMIT'],
  [system('ENOMEM', 'ENOMEM: not enough memory, read'), 'E_MEMORY'],
  [system('ERR_ACCESS_DENIED', 'Access to this API has been restricted'), 'E_INSTALLATION'],
  [system('ERR_MODULE_NOT_FOUND', "Cannot find package 'x'"), 'E_INSTALLATION'],
  [system('ENOSPC', 'ENOSPC: no space left on device, write'), 'E_DISK_FULL'],
  [system('EDQUOT', 'EDQUOT: disk quota exceeded, write'), 'E_DISK_FULL'],
  [system('ENOENT', "ENOENT: no such file or directory, open 'a'"), 'E_FILE_MISSING'],
  [system('EACCES', "EACCES: permission denied, open 'a'"), 'E_SYSTEM'],
])('%s has the code %s', (error, code) => {
  expect(refusalOf(error)?.code).toBe(code)
})

it('takes what the system really gives', async () => {
  const error = await readFile('/nowhere/at/all').catch((e) => e)
  expect(refusalOf(error)?.message).toBe('/nowhere/at/all: no such file or directory (ENOENT)')
})

it('leaves what was thrown as such, and bugs', () => {
  const own = new FedunifyError('E_EXPECTATION_MISSED', 'x')
  expect(refusalOf(own)).toBe(own)
  expect(refusalOf(own)?.exitCode).toBe(EXIT.missed)
  for (const bug of [
    new TypeError('x is not a function'),
    new RangeError('Invalid array length'),
    'thrown',
    undefined,
  ]) {
    expect(refusalOf(bug)).toBeUndefined()
  }
  expect(refusalOf(system('ERR_INVALID_ARG_TYPE', 'x'))).toBeUndefined()
})
