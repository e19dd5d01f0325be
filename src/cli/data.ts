import type { Command } from 'commander'
import { fetchFashionMnist, triedLines } from '../data/fashion-mnist/fetch.ts'
import { findFolder } from '../data/fashion-mnist/locate.ts'
import { placesOf } from '../data/fashion-mnist/places.ts'
import { replaceCommand, verifyFashionMnist } from '../data/fashion-mnist/verify.ts'
import { FedunifyError } from '../errors.ts'
import { thousands } from '../format.ts'
import { columns } from '../report/terminal/columns.ts'
import { fetchProgress } from '../report/terminal/progress.ts'
import { oneLine } from '../visible.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { type Io, progressView } from './io.ts'

const HELP = `
A run looks for the files in --data DIR; else in data/fashion-mnist, in the cache, and where Debian's package puts them.
The cache is $FEDUNIFY_DATA/fashion-mnist, else in the folder that the system has for caches. HTTP_PROXY, HTTPS_PROXY and
NO_PROXY are honoured.

Examples:
  fedunify data fetch
  fedunify data fetch --mirror https://files.example/fashion-mnist/
`

export function addDataCommand(program: Command, io: Io): void {
  const data = program
    .command('data')
    .summary('fetch and verify Fashion-MNIST')
    .description('Fetches Fashion-MNIST, or verifies what is on this machine.')

  addFetchOptions(
    data
      .command('fetch')
      .description(
        "Fetches Fashion-MNIST, from its mirrors or from Debian's package, and verifies it. It goes into a cache that all folders share, or into the folder that is named.",
      )
      .argument('[dir]', 'folder to put the files into (default: data/fashion-mnist if it has some, else the cache)')
      .option('--force', 'fetch all four files again'),
  )
    .addHelpText('after', HELP)
    .action((into: string | undefined, options: FetchFlags & { force?: true }) => fetch(into, options, io))

  data
    .command('verify')
    .description('Checks the four files against their known SHA-256.')
    .argument('[dir]', 'folder with the files (default: where a run would find them)')
    .action(async (given: string | undefined) => {
      const dir = given ?? (await folderOfRuns())
      const checks = await verifyFashionMnist(dir)
      const rows = checks.map((c) => [c.name, c.stored === undefined ? '-' : thousands(c.stored), c.problem ?? 'ok'])
      io.out(`${oneLine(dir)}\n${columns(['file', 'bytes', 'SHA-256'], rows)}\n`)
      const wrong = checks.filter((c) => !c.ok).length
      if (wrong > 0) {
        throw new FedunifyError(
          'E_DATASET',
          `${wrong} of 4 files are missing or wrong`,
          `replace them with: ${replaceCommand(dir)}`,
        )
      }
    })
}

async function fetch(into: string | undefined, options: FetchFlags & { force?: true }, io: Io): Promise<void> {
  const view = progressView(io, false)
  try {
    const { dir, from } = await fetchFashionMnist({
      into,
      force: options.force,
      ...accessOf(options),
      signal: io.signal,
      progress: fetchProgress(view),
    })
    view.stop()
    const told = from === undefined ? `${dir} has all four files already` : `${dir}: fetched from ${from}`
    io.out(`${oneLine(told)}\n`)
  } finally {
    view.stop()
  }
}

/** Where a run would find the files; nothing is fetched to look at it. */
async function folderOfRuns(): Promise<string> {
  const looked = await findFolder(placesOf())
  if ('dir' in looked) return looked.dir
  throw new FedunifyError('E_DATASET_MISSING', 'Fashion-MNIST is not on this machine', [
    'looked in:',
    ...triedLines(looked.tried),
    'fetch it with: fedunify data fetch',
  ])
}
