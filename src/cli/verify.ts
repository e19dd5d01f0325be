import type { Command } from 'commander'
import { FedunifyError } from '../errors.ts'
import { verifyJson, verifyText } from '../report/terminal/verify-text.ts'
import { type Difference, type Examination, examineRun, NOTHING } from '../runs/read/examine-run.ts'
import { findRuns, NAME_HINT } from '../runs/read/find-runs.ts'
import { colorsOf, type Io } from './io.ts'

const HELP = `
A finished run keeps the SHA-256 of each of its files, and one of its manifest in the manifest itself. What was added to
the folder later, such as report.html, does not belong to the run; explain.json, remerge.json and audit.json, which these commands
add, have a digest of themselves, and are verified by that. A published run may lack its checkpoint, its models, its
copies of merge rules and the owners' weights that it kept. check, compare and report verify the same before they print a
figure, but for these weights, of which no figure comes: remerge verifies those that it reads.

Examples:
  fedunify verify results/table4
  fedunify verify 'results/*/*' --json

Exit codes: 0 all are as their runs left them, 3 a file was edited, damaged or lost.
`

export function addVerifyCommand(program: Command, io: Io): void {
  program
    .command('verify')
    .summary('say whether the files of runs are as the runs left them')
    .description('Compares every file of run folders with the hashes that the runs kept, and lists what differs.')
    .argument('<runs...>', 'run folders, folders of runs (a batch), or globs of them')
    .option('--json', 'write one JSON object')
    .addHelpText('after', HELP)
    .action((named: string[], { json }: { json?: true }) => verify(named, json === true, io))
}

async function verify(named: readonly string[], json: boolean, io: Io): Promise<void> {
  const all: Examination[] = []
  for (const name of named) {
    const unseen: Difference[] = []
    const see = ({ message, hint }: FedunifyError) => unseen.push({ file: name, message, hint })
    const paths = await findRuns(name, see)
    if (paths.length === 0 && unseen.length === 0)
      throw new FedunifyError('E_RUN_NOT_FOUND', `${name}: no such run`, NAME_HINT)
    if (unseen.length > 0) all.push({ ...NOTHING, path: name, differences: unseen })
    for (const path of paths) if (!all.some((one) => one.path === path)) all.push(await examineRun(path))
  }
  io.out(json ? verifyJson(all) : verifyText(all, colorsOf(io)))
  const wrong = all.filter(({ differences }) => differences.length > 0)
  if (wrong.length === 0) return
  const count = `${wrong.length} of ${all.length} ${all.length === 1 ? 'run differs' : 'runs differ'}`
  throw new FedunifyError('E_RUN_DAMAGED', `${count} from what was written`, wrong[0]!.differences[0]!.hint)
}
