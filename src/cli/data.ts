import type { Command } from 'commander'
import { fetchFashionMnist } from '../data/fashion-mnist/fetch.ts'
import { locateFashionMnist } from '../data/fashion-mnist/locate.ts'
import { verifyFashionMnist } from '../data/fashion-mnist/verify.ts'
import { FedunifyError } from '../errors.ts'
import { thousands } from '../format.ts'
import { columns } from '../report/terminal/columns.ts'
import { oneLine } from '../visible.ts'
import { type Io, progressView } from './io.ts'

export function addDataCommand(program: Command, io: Io): void {
  const data = program
    .command('data')
    .summary('fetch and verify Fashion-MNIST')
    .description('Fetches Fashion-MNIST, or verifies what is on this machine.')

  data
    .command('fetch')
    .description(
      "Fetches Fashion-MNIST into data/fashion-mnist, from its mirrors or from Debian's package, and verifies it.",
    )
    .option('--force', 'fetch all four files again')
    .action(async ({ force }: { force?: true }) => {
      const view = progressView(io, false)
      try {
        const { dir, from } = await fetchFashionMnist({
          force,
          signal: io.signal,
          progress: (line) => view.note(oneLine(line)),
        })
        const told = from === undefined ? `${dir} has all four files already` : `${dir}: fetched from ${from}`
        io.out(`${oneLine(told)}\n`)
      } finally {
        view.stop()
      }
    })

  data
    .command('verify')
    .description('Checks the four files against their known SHA-256.')
    .argument('[dir]', 'folder with the files (default: where a run would find them)')
    .action(async (given: string | undefined) => {
      const dir = given ?? (await locateFashionMnist({ signal: io.signal })).dir
      const checks = await verifyFashionMnist(dir)
      const rows = checks.map((c) => [c.name, c.stored === undefined ? '-' : thousands(c.stored), c.problem ?? 'ok'])
      io.out(`${oneLine(dir)}\n${columns(['file', 'bytes', 'SHA-256'], rows)}\n`)
      const wrong = checks.filter((c) => !c.ok).length
      if (wrong > 0) {
        throw new FedunifyError(
          'E_DATASET',
          `${wrong} of 4 files are missing or wrong`,
          'replace them with: fedunify data fetch --force',
        )
      }
    })
}
