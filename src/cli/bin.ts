#!/usr/bin/env node
import { FedunifyError } from '../errors.ts'
import { main } from './main.ts'

const controller = new AbortController()

/** The first Ctrl-C lets the run finish its files; the second does not wait. */
function interrupt(signal: NodeJS.Signals): void {
  if (!controller.signal.aborted) {
    controller.abort(new FedunifyError('interrupted', 'interrupted', 'every finished round is in the run folder'))
    return
  }
  // process.exit() would end threads inside the native library, which aborts: let the signal itself end the process,
  // after giving back the cursor that the progress display hides.
  if (process.stderr.isTTY) process.stderr.write('\x1b[?25h')
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** NO_COLOR and FORCE_COLOR decide (no-color.org, force-color.org), else whether the stream is a terminal. */
function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  return FORCE_COLOR ? FORCE_COLOR !== '0' : stream.isTTY === true && TERM !== 'dumb'
}

// Node itself lets FORCE_COLOR win over NO_COLOR, and warns of it.
if (process.env.NO_COLOR) delete process.env.FORCE_COLOR

process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)

/** Why the results could not be told, if so: a full disk, for example. */
let untold: FedunifyError | undefined

// Whoever reads our output may stop reading (as head does): then there is nobody left to work for.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      return controller.abort(new FedunifyError('interrupted', 'nobody reads the output any more'))
    }
    if (untold) return
    untold = new FedunifyError('data', `cannot write the output: ${error.message}`)
    process.exitCode = untold.exitCode
    if (stream === process.stdout) process.stderr.write(`error: ${untold.message}\n`)
  })
}

const code = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: process.stderr.isTTY ? process.stderr : undefined,
  colors: { out: hasColors(process.stdout), err: hasColors(process.stderr) },
  signal: controller.signal,
})
// What nobody was told is no success, nor what a check may have found.
process.exitCode = untold?.exitCode ?? code
