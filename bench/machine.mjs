import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'

/** What the figures were measured on, for the JSON files. */
export const machine = () => ({
  platform: `${process.platform}-${process.arch}`,
  cpu: cpus()[0]?.model.trim(),
  cores: availableParallelism(),
  memory_gib: Math.round(totalmem() / 2 ** 30),
})

/**
 * How to keep a program on given cores: `taskset`, where the system has it and these cores.
 * @param {number[]} cores one for each thread that is to compute
 * @returns `pin(threads, command)`, and the cores, or null where programs run where the system puts them
 */
export function pinning(cores) {
  const taskset = (list) => ['taskset', '-c', list.join(',')]
  const works = (list) => spawnSync(taskset(list)[0], [...taskset(list).slice(1), 'true']).status === 0
  if (!works(cores)) return { cores: null, pin: (_threads, command) => command }
  return { cores, pin: (threads, command) => [...taskset(cores.slice(0, threads)), ...command] }
}
