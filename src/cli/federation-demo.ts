import type { Command } from 'commander'
import { shellWord } from '../system/shell-word.ts'
import type { Palette } from '../visible.ts'
import { oneLine } from '../visible.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io } from './io.ts'
import { timestamp } from './timestamp.ts'

const HELP = `
A broker, a server and owners, each a process of its own on this machine; owners take shards of Fashion-MNIST. Without an
experiment it trains a small model for about 20 seconds. The run folder stays, all else is stopped and removed.

Examples:
  fedunify federation demo
  fedunify federation demo experiment.yaml --owners 2 --dir fed    keep the federation, with its keys, in fed
`

interface DemoOptions {
  readonly owners: string
  readonly dir?: string
  readonly data?: string
  readonly set?: string[]
}

export function addDemoCommand(federation: Command, io: Io): void {
  federation
    .command('demo')
    .summary('a whole federation on this machine: see it at work first')
    .description('Runs an experiment in a federation that is all on this machine, and shows what each party does.')
    .argument('[experiment]', 'experiment file (YAML)')
    .option('--owners <n>', 'how many owners, 2 to 8', '2')
    .option('--dir <dir>', 'a new folder in which the federation is kept')
    .option('--data <dir>', 'folder with the four files of the whole dataset')
    .option('--set <key=value>', 'set any key of the experiment; may be repeated', repeated)
    .addHelpText('after', HELP)
    .action((file: string | undefined, options: DemoOptions) => demo(file, options, io))
}

async function demo(file: string | undefined, { owners, dir, data, set = [] }: DemoOptions, io: Io): Promise<void> {
  const { demonstrate, OWNERS } = await import('../demo/demonstrate.ts')
  const { wholeNumber } = await import('../federation/setup/names.ts')
  const count = wholeNumber('--owners', owners, 2, OWNERS.length)
  const colors = colorsOf(io, 'err')
  const { path, books } = await demonstrate({
    file,
    set,
    owners: count,
    dir,
    data,
    runId: timestamp(new Date()),
    signal: io.signal,
    say: (who, line) => io.err(`${paint(who, colors)(who.padEnd(WIDTH))} ${oneLine(line)}\n`),
  })
  const [{ summaryText }, { loadRun }] = await Promise.all([
    import('../report/terminal/run-text.ts'),
    import('../runs/read/load-run.ts'),
  ])
  const { sentText } = await import('../demo/sent-text.ts')
  io.say(`\n${await summaryText(await loadRun(path), colorsOf(io), io.width)}\n${sentText(books)}`)
  if (dir === undefined) return
  const kept = oneLine(dir)
  io.say(
    `\nThe federation is in ${kept}: start its broker there (cd ${oneLine(shellWord(`${dir}/broker`))} && nats-server -c nats.conf), then\n`,
  )
  io.say(`fedunify join and fedunify serve, as docs/federation.md says.\n`)
}

/** As long as the longest name of a party. */
const WIDTH = 6

/** Owners take turns with the colours that are left. */
function paint(who: string, { bold, dim, cyan, green, yellow }: Palette): (text: string) => string {
  const fixed = { demo: bold, broker: dim, server: cyan }[who]
  return fixed ?? (who.charCodeAt(0) % 2 === 1 ? green : yellow)
}
