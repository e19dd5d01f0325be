import { FedunifyError } from '../../errors.ts'
import { STDOUT } from '../../system/files.ts'
import { REPORTER_NAMES, type ReporterName } from './registry.ts'

/** A report, and where it goes. */
export interface Destination {
  readonly reporter: ReporterName
  /** `-` is stdout. */
  readonly file: string
}

/** Those that people read, and that may stand one after the other. */
export const LINES: readonly ReporterName[] = ['terminal', 'github']

/** The reporter of `REPORTER=FILE`, and the file; without a reporter the whole is a file. */
export function splitOutput(output: string): { readonly reporter?: ReporterName; readonly file: string } {
  const [, name, file = ''] = /^(\w+)=(.*)$/s.exec(output) ?? []
  const reporter = REPORTER_NAMES.find((one) => one === name)
  return reporter ? { reporter, file } : { file: output }
}

/**
 * Where each report goes.
 * @param reporters as chosen; none means terminal
 * @param outputs `FILE`, of the only reporter, or `REPORTER=FILE`, which chooses that reporter too
 * @param onGithub whether a workflow of GitHub runs this: annotations are added where nothing else reads stdout
 * @throws FedunifyError (usage) if it is not clear which report is meant, or two would be mixed
 */
export function destinations(
  reporters: readonly ReporterName[],
  outputs: readonly string[],
  onGithub: boolean,
): Destination[] {
  const named = new Map<ReporterName, string>()
  const bare: string[] = []
  for (const output of outputs) {
    const { reporter, file } = splitOutput(output)
    if (!reporter) bare.push(file)
    else if (named.has(reporter)) throw twice(`--output ${reporter}=FILE`)
    else named.set(reporter, file)
  }
  const chosen = new Set<ReporterName>([
    ...(reporters.length > 0 ? reporters : (['terminal'] as const)),
    ...named.keys(),
  ])
  const open = [...chosen].filter((reporter) => !named.has(reporter))
  if (bare.length > 1) throw twice('--output FILE')
  if (bare.length > 0 && open.length !== 1) {
    const which = open.length > 0 ? open : [...chosen]
    throw new FedunifyError('E_CONFLICT', `--output ${bare[0]}: it does not say which reporter`, hintFor(which[0]!))
  }
  const all = [...chosen].map((reporter) => ({ reporter, file: named.get(reporter) ?? bare[0] ?? STDOUT }))
  const shown = all.filter(({ file }) => file === STDOUT)
  const forPeople = shown.every(({ reporter }) => LINES.includes(reporter))
  if (shown.length > 1 && !forPeople) {
    const names = shown.map(({ reporter }) => reporter)
    const program = names.find((name) => !LINES.includes(name))!
    throw new FedunifyError('E_CONFLICT', `${names.join(' and ')} would be mixed on stdout`, hintFor(program))
  }
  return onGithub && forPeople && !chosen.has('github') ? [...all, { reporter: 'github', file: STDOUT }] : all
}

const hintFor = (reporter: ReporterName) => `say where it goes: --output ${reporter}=FILE`

const twice = (option: string) =>
  new FedunifyError('E_CONFLICT', `${option} is given twice`, 'a report goes to one file')
