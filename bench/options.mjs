import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SUITES } from './suites/index.mjs'

const HELP = `Usage: npm run bench -- [suites] [options]

Measures fedunify on this machine, alone and beside PyTorch, and prints one table with the targets.
Takes about an hour; nothing else should run meanwhile.

Suites (default: all):
${SUITES.map(({ name, about }) => `  ${name.padEnd(15)} ${about}`).join('\n')}

Options:
  --quick         few repetitions of less work: shows that the bench works, gives no figures to quote
  --runs <n>      how often each thing is measured (default: what each suite needs; memory: always once)
  --skip <list>   what to leave out of turns, by the start of its key in the JSON files: fedunify_standard,torch
  --cores <list>  cores to stay on, the first alone for one thread (default: 0,1)
  --data <dir>    folder with Fashion-MNIST (default: found or fetched)
  --python <path> one more Python to look for PyTorch in, besides bench/.venv, .venv and the system's
  --out <dir>     folder for the JSON files (default: results/bench, with --quick results/bench-quick)
  --strict        exit with 1 if a target is missed

Examples:
  npm run bench                             everything
  npm run bench -- training forward         these two alone
  npm run bench -- --quick                  does it work here?
  npm run bench -- training --runs 15       where the machine is noisy
  npm run bench -- training --skip torch    fedunify alone
`

/** Parses the command line; tells what is wrong with it, or helps, and ends the process. */
export function parseOptions(args) {
  try {
    const string = { type: 'string' }
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        quick: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
        runs: string,
        skip: { ...string, default: '' },
        cores: { ...string, default: '0,1' },
        data: string,
        python: string,
        out: string,
      },
    })
    if (values.help) {
      process.stdout.write(HELP)
      process.exit(0)
    }
    const { quick, strict, data, python } = values
    const runs = values.runs === undefined ? undefined : whole('--runs', values.runs, 1)
    const cores = values.cores.split(',').map((core) => whole('--cores', core, 0))
    const folder = fileURLToPath(new URL(`../results/bench${quick ? '-quick' : ''}`, import.meta.url))
    const skipped = values.skip.split(',').filter((key) => key !== '')
    const told = [
      ...positionals,
      ...(quick ? ['--quick'] : []),
      ...(runs ? ['--runs', runs] : []),
      ...(skipped.length > 0 ? ['--skip', skipped.join(',')] : []),
    ]
    return {
      suites: chosen(positionals),
      ...{ quick, strict, runs, skipped, cores, data, python },
      out: values.out ?? folder,
      // Without paths: it goes into the JSON files.
      command: ['npm run bench', ...(told.length > 0 ? ['--'] : []), ...told].join(' '),
    }
  } catch (error) {
    process.stderr.write(`error: ${error.message}\nhint: see npm run bench -- --help\n`)
    process.exit(2)
  }
}

function chosen(names) {
  const unknown = names.find((name) => !SUITES.some((suite) => suite.name === name))
  if (unknown) throw new Error(`no suite is called ${unknown}: there are ${SUITES.map(({ name }) => name).join(', ')}`)
  return names.length === 0 ? SUITES : SUITES.filter(({ name }) => names.includes(name))
}

function whole(option, text, least) {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new Error(`${option}: expected a whole number of at least ${least}, got ${text}`)
}
