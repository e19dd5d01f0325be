#!/usr/bin/env node
// The command of a clone. What npm publishes begins with dist/bin.js; a clone builds that first, once: an installation
// that runs no scripts has not done it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const file = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const program = file('dist/bin.js')

function refuse(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`)
  process.exit(2)
}

if (!existsSync(program)) {
  if (!existsSync(file('node_modules/typescript')) || !existsSync(file('node_modules/vite'))) {
    refuse('fedunify is not built here, and what builds it is not installed', 'npm ci --include=dev')
  }
  process.stderr.write('building fedunify, this once\n')
  // npm itself is a script for node: so it is found, wherever a system has it.
  const npm = process.env.npm_execpath
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []]
  const options = {
    cwd: file('.'),
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: !npm && process.platform === 'win32',
  }
  const { status } = spawnSync(command, [...args, 'run', '--silent', 'build'], options)
  if (status !== 0 || !existsSync(program)) refuse('fedunify cannot be built', 'npm ci, then npm run build')
}
await import('../dist/bin.js')
