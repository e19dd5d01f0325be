#!/usr/bin/env node
// Nothing is imported before this stands. What cannot be loaded must not end with 1, which Node would give for it and
// which says that a check has missed; nor with 0, if a promise is never kept.
process.exitCode = 2

async function refuse(error: unknown): Promise<void> {
  const message = String(error instanceof Error ? error.message : error).split('\n')[0]!
  const [why, hint] =
    /too many open files/.test(message) || (await isFewFiles())
      ? ['too few open files are allowed (ulimit -n)', 'raise the limit: ulimit -n 1024']
      : [message, 'install it again']
  process.stderr.write(`error: fedunify cannot be loaded: ${why}\nhint: ${hint}\n`)
  process.exit(2)
}

/** With few open files Node does not find modules that are there. */
async function isFewFiles(): Promise<boolean> {
  // A module of Node's own is loaded from no file.
  const { readFileSync } = await import('node:fs')
  try {
    // The bound of system/limits.ts, which may be what cannot be loaded.
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]) < 64
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE'
  }
}

process.once('uncaughtException', refuse)
import('./start.ts').then(({ start }) => {
  process.off('uncaughtException', refuse)
  return start()
}, refuse)
