// What a round costs with 2, 10, 100 and 500 owners of the same 60,000 images, and how much memory. Prints a JSON line
// for each run. Every number of owners has a process of its own, because the peak of one's memory stays.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadExperiment } from '../build/config/load.js'
import { executeToEnd } from '../build/run/execute.js'
import { inThisProcess } from '../build/run/participants.js'
import { prepareRun } from '../build/run/prepare.js'
import { alone } from './children.mjs'
import { median } from './figures.mjs'

const SCRIPT = fileURLToPath(import.meta.url)

/**
 * Runs an experiment to its end in a folder that is removed.
 * @param flags of `fedunify run`, such as { owners: '100', rounds: '3' }
 * @returns seconds of the median round, in all and by part (writing is what is left), its seconds of processor time (which
 *   other programs on the machine change less), and the peak MiB of this process
 */
export async function measure(flags) {
  const out = await mkdtemp(join(tmpdir(), 'fedunify-owners-'))
  try {
    const experiment = await loadExperiment({ flags: { ...flags, out } })
    const run = await prepareRun(experiment)
    const rounds = []
    let began = 0
    let cpuBefore = process.cpuUsage()
    const time = (event) => {
      const now = performance.now()
      if (event.type === 'round-finished') {
        const { user, system } = process.cpuUsage(cpuBefore)
        rounds.push({ ...event.seconds, total: (now - began) / 1000, cpu: (user + system) / 1e6 })
      }
      if (event.type === 'round-finished' || event.type === 'started') {
        began = now
        cpuBefore = process.cpuUsage()
      }
    }
    await executeToEnd(inThisProcess(run), {
      path: join(out, 'run'),
      resume: false,
      signal: undefined,
      sinks: [{ name: 'clock', event: time }],
    })
    const part = (name) => Number(median(rounds.map((round) => round[name])).toFixed(3))
    return {
      owners: experiment.owners,
      images: run.shards.reduce((sum, { train }) => sum + train.length, 0),
      merges: experiment.merge,
      rounds: rounds.length,
      seconds: { total: part('total'), train: part('train'), merge: part('merge'), evaluate: part('evaluate') },
      cpu_seconds: part('cpu'),
      peak_mib: Math.round(process.resourceUsage().maxRSS / 1024),
    }
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** As `measure`, in a process of its own. */
export const measureAlone = (flags) => alone([process.execPath, SCRIPT, '--child', JSON.stringify(flags)])

if (process.argv[1] === SCRIPT) {
  const { values } = parseArgs({
    options: {
      owners: { type: 'string', default: '2,10,100,500' },
      rounds: { type: 'string', default: '2' },
      runs: { type: 'string', default: '3' },
      env: { type: 'string', default: 'V' },
      merge: { type: 'string', default: 'avg' },
      data: { type: 'string' },
      child: { type: 'string' },
    },
  })
  if (values.child) console.log(JSON.stringify(await measure(JSON.parse(values.child))))
  else {
    const { rounds, env, merge, data } = values
    for (let run = 1; run <= Number(values.runs); run++) {
      for (const owners of values.owners.split(',')) {
        const figures = await measureAlone({ owners, rounds, env, merge, ...(data && { data }) })
        console.log(JSON.stringify({ run, ...figures }))
      }
    }
  }
}
