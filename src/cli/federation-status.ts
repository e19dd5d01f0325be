import type { Command } from 'commander'
import { duration } from '../format.ts'
import { columns } from '../report/terminal/columns.ts'
import type { OwnerStatus } from '../serve/owner-status.ts'
import type { Status } from '../serve/status.ts'
import type { Io } from './io.ts'

const HELP = `
It looks at the broker for some seconds, changes nothing, and works on any machine that has the server's folder.

Examples:
  fedunify federation status --federation fed/server
  fedunify federation status --federation fed/server --json
`

/** Of the JSON: raised when a reader would have to change. */
const FORMAT = 1

export function addStatusCommand(federation: Command, io: Io): void {
  federation
    .command('status')
    .summary('how a run stands: its round, who is there, who trains, who is late')
    .description('Shows how the run of a federation stands: its round, and what each owner does.')
    .requiredOption('--federation <dir>', "the server's folder, as fedunify federation init wrote it")
    .option('--json', 'write one JSON object')
    .addHelpText('after', HELP)
    .action((options: { federation: string; json?: true }) => status(options, io))
}

async function status({ federation: dir, json }: { federation: string; json?: true }, io: Io): Promise<void> {
  const { readServerFolder } = await import('../federation/setup/folders.ts')
  const { readStatus } = await import('../serve/status.ts')
  const folder = await readServerFolder(dir)
  const found = await readStatus(folder, io.signal)
  if (!json) return void io.say(statusText(found))
  const { server, run, round, owners } = found
  const value = {
    format: FORMAT,
    federation: folder.federation,
    url: folder.url,
    server: server.replace(' ', '_'),
    run: run ?? null,
    round: round ?? null,
    owners: owners.map(({ owner, name, state, since, connected, late, progress }) => ({
      owner,
      name,
      state,
      since: since?.toISOString() ?? null,
      connected,
      late,
      progress: progress ?? null,
    })),
  }
  io.out(`${JSON.stringify(value, null, 2)}\n`)
}

function statusText({ server, run, round, owners, now }: Status): string {
  if (server === 'none') return `nothing is running${run === undefined ? '' : `; the last run was ${run}`}\n`
  const where = round === undefined ? 'before its first round' : `in round ${round}`
  const silent =
    server === 'silent' ? '\nits server gives no sign of life: fedunify serve --resume goes on with it' : ''
  const rows = owners.map((one) => [one.name, stateText(one), ago(one, now), progressText(one)])
  return `run ${run}, ${where}${silent}\n\n${columns(['owner', 'is', 'for', 'progress'], rows)}\n`
}

function stateText({ state, connected, late }: OwnerStatus): string {
  if (late) return `LATE, ${state}, not there`
  if (!connected && state !== 'absent') return `${state}, not there`
  return state
}

function ago({ since }: OwnerStatus, now: Date | undefined): string {
  if (!since || !now) return ''
  return duration(Math.max(0, (now.getTime() - since.getTime()) / 1000))
}

function progressText({ progress }: OwnerStatus): string {
  if (!progress) return ''
  const { epoch, epochs, images, total } = progress
  const share = `${Math.floor((100 * images) / Math.max(total, 1))} %`
  return epochs > 1 ? `${share}, epoch ${epoch}/${epochs}` : share
}
