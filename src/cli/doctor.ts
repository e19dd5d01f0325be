import type { Command } from 'commander'
import { ExperimentSchema } from '../config/schema.ts'
import { examine } from '../doctor/doctor.ts'
import type { Finding } from '../doctor/finding.ts'
import { FedunifyError } from '../errors.ts'
import { oneLine } from '../visible.ts'
import { colorsOf, type Io } from './io.ts'

const HELP = `
Each line says ok, absent (a run does without it), warning (a run works, or might) or problem (a run would fail).
A command that helps is on the line below.

Exit codes: 0 a run would work, 2 the set-up is wrong, 3 the data or the disk is.
`

/** Of the JSON: raised when a reader would have to change. */
const FORMAT = 1

interface DoctorOptions {
  readonly data?: string
  readonly out: string
  readonly json?: true
}

export function addDoctorCommand(program: Command, io: Io): void {
  program
    .command('doctor')
    .summary('say whether this machine is ready, and what to do if it is not')
    .description('Looks at Node, the processor, memory, disk, the results folder, the dataset, the engines and git.')
    .option('--data <dir>', 'folder with the four dataset files, as for fedunify run')
    .option('--out <dir>', 'results folder', ExperimentSchema.parse({}).out)
    .option('--json', 'write one JSON object')
    .addHelpText('after', HELP)
    .action((options: DoctorOptions) => doctor(options, io))
}

async function doctor({ data, out, json }: DoctorOptions, io: Io): Promise<void> {
  const findings = await examine({ data, out, signal: io.signal })
  io.signal.throwIfAborted()
  const problems = findings.filter(({ status }) => status === 'problem')
  const ready = problems.length === 0
  io.out(json ? `${JSON.stringify({ format: FORMAT, ready, findings }, null, 2)}\n` : `${table(findings, io)}\n`)
  if (ready) return json ? undefined : io.out('a run would work\n')
  const code = problems.some((problem) => !problem.data) ? 'E_DOCTOR_SETUP' : 'E_DOCTOR_DATA'
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  throw new FedunifyError(code, `${count}: a run would fail`, problems.find(({ fix }) => fix)?.fix)
}

function table(findings: readonly Finding[], io: Io): string {
  const { green, yellow, red, dim } = colorsOf(io)
  const paint = { ok: green, absent: dim, warning: yellow, problem: red }
  const width = Math.max(...findings.map(({ subject }) => subject.length))
  const lines = findings.map(({ subject, status, detail, fix }) => {
    const line = `${subject.padEnd(width)}  ${paint[status](status.padEnd('problem'.length))}  ${oneLine(detail)}`
    return fix === undefined ? line : `${line}\n${' '.repeat(width + 11)}${dim('try:')} ${oneLine(fix)}`
  })
  return `${lines.join('\n')}\n`
}
