import { EXIT, FedunifyError } from '../errors.ts'
import { isFull } from '../system/refusal.ts'
import { type Streams, screened } from './io.ts'
import { main, report } from './main.ts'

/** How long a command may take to stop after an error that nobody caught, in milliseconds. */
const PATIENCE = 5000

/** NO_COLOR and FORCE_COLOR decide (no-color.org, force-color.org), else whether the stream is a terminal. */
function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  return FORCE_COLOR ? FORCE_COLOR !== '0' : stream.isTTY === true && TERM !== 'dumb'
}

/** Runs the command line of this process; its exit code is that of the process. */
export async function start(): Promise<void> {
  const controller = new AbortController()

  /** The first Ctrl-C lets the run finish its files; the second does not wait. */
  function interrupt(signal: NodeJS.Signals): void {
    if (!controller.signal.aborted) {
      controller.abort(new FedunifyError('E_INTERRUPTED', 'interrupted', 'every finished round is in the run folder'))
      return
    }
    // process.exit() would end threads inside the native library, which aborts: let the signal itself end the process,
    // after giving back the cursor that the progress display hides.
    if (process.stderr.isTTY) process.stderr.write('\x1b[?25h')
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }

  // Node itself lets FORCE_COLOR win over NO_COLOR, and warns of it.
  if (process.env.NO_COLOR) delete process.env.FORCE_COLOR

  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // A terminal that is closed, or a connection that breaks.
  process.on('SIGHUP', interrupt)
  // Else Node would open a port for its debugger.
  process.on('SIGUSR1', () => {})

  /** Why the results could not be told, if so: a full disk, for example. */
  let untold: FedunifyError | undefined

  // Whoever reads our output may stop reading (as head does): then there is nobody left to work for.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') {
        return controller.abort(new FedunifyError('E_OUTPUT_CLOSED', 'nobody reads the output any more'))
      }
      if (untold) return
      untold = new FedunifyError(
        isFull(error) ? 'E_DISK_FULL' : 'E_SYSTEM',
        `cannot write the output: ${error.message}`,
      )
      process.exitCode = untold.exitCode
      if (stream === process.stdout) process.stderr.write(`error: ${untold.message}\n`)
    })
  }

  /** The exit code of an error that nobody caught; what comes after it is not told. */
  let crashed: number | undefined
  const io: Streams = {
    out: (text) => process.stdout.write(text),
    err: (text) => crashed === undefined && process.stderr.write(text),
    terminal: process.stderr.isTTY && process.env.TERM !== 'dumb' ? process.stderr : undefined,
    colors: { out: hasColors(process.stdout), err: hasColors(process.stderr) },
    width: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
    signal: controller.signal,
  }
  process.on('uncaughtException', (error) => {
    crashed ??= report(error, screened(io))
    process.exitCode = crashed
    // A run still gives its folder back, whole.
    controller.abort(new FedunifyError('E_INTERRUPTED', 'interrupted'))
    setTimeout(() => process.exit(crashed), PATIENCE).unref()
  })

  // Where a promise is never kept, Node would end in silence, and with what stands here.
  process.exitCode = EXIT.training
  const unfinished = () => {
    if (crashed === undefined)
      io.err('error: ended before it was done\nhint: this is a bug of fedunify: please report it\n')
  }
  process.once('exit', unfinished)
  const code = await main(process.argv.slice(2), io)
  process.off('exit', unfinished)
  // What nobody was told is no success, nor what a check may have found.
  process.exitCode = crashed ?? untold?.exitCode ?? code
}
