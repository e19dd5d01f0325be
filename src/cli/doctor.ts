import type { Command } from 'commander'
import { RESULTS } from '../config/schema.ts'
import { examine } from '../doctor/doctor.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { tellFindings } from './findings.ts'
import type { Io } from './io.ts'

const HELP = `
Each line says ok, absent (a run does without it), warning (a run works, or might) or problem (a run would fail).
A command that helps is on the line below. Engines that only some runs ask for stand below the verdict.

Exit codes: 0 a run would work, 2 the set-up is wrong, 3 the data or the disk is.
`

/** Of the JSON: raised when a reader would have to change. */
const FORMAT = 1

interface DoctorOptions extends FetchFlags {
  readonly data?: string
  readonly out: string
  readonly json?: true
}

export function addDoctorCommand(program: Command, io: Io): void {
  const command = program
    .command('doctor')
    .summary('say whether this machine is ready, and what to do if it is not')
    .description('Looks at Node, the processor, memory, disk, the results folder, the dataset, the engines and git.')
    .option('--data <dir>', 'folder with the four dataset files, as for fedunify run')
    .option('--out <dir>', 'results folder', RESULTS)
    .option('--json', 'write one JSON object')
  addFetchOptions(command)
    .addHelpText('after', HELP)
    .action((options: DoctorOptions) => doctor(options, io))
}

async function doctor({ data, out, json, ...fetching }: DoctorOptions, io: Io): Promise<void> {
  const findings = await examine({ data, out, signal: io.signal, ...accessOf(fetching) })
  io.signal.throwIfAborted()
  tellFindings(findings, { json: json ?? false, format: FORMAT, good: 'a run would work', bad: 'a run would fail' }, io)
}
