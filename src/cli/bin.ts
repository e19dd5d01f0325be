#!/usr/bin/env node
// Nothing is imported before this stands. What cannot be loaded must not end with 1, which Node would give for it and
// which says that a check has missed; nor with 0, if a promise is never kept.
process.exitCode = 2

function refuse(error: unknown): void {
  const message = String(error instanceof Error ? error.message : error).split('\n')[0]
  const hint = /too many open files/.test(message!)
    ? 'raise the limit on open files: ulimit -n 1024'
    : 'install it again'
  process.stderr.write(`error: fedunify cannot be loaded: ${message}\nhint: ${hint}\n`)
  process.exit(2)
}

process.once('uncaughtException', refuse)
import('./start.ts').then(({ start }) => {
  process.off('uncaughtException', refuse)
  return start()
}, refuse)
