import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** Parties on machines of their own, as far as the network goes: a namespace for each, with a cable to a hub. */
export interface Cables {
  /** The address of a party. */
  address(name: string): string
  /** What goes before a command to run it at a party. */
  at(name: string): readonly [string, ...string[]]
  cut(name: string): void
  heal(name: string): void
  /** @returns whether this machine can do it */
  delay(name: string, milliseconds: number): boolean
  close(): void
}

const ip = (...args: string[]): boolean => spawnSync('ip', args, { stdio: 'ignore' }).status === 0

function must(...args: string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr}`)
}

/** Lays cables from each party to a hub. Whoever does closes them. */
export function layCables(names: readonly string[]): Cables {
  const id = randomBytes(3).toString('hex')
  const hub = `fu-${id}-hub`
  const space = (name: string) => `fu-${id}-${name}`
  const port = (name: string) => `p${names.indexOf(name)}`
  const address = (name: string) => `10.77.0.${names.indexOf(name) + 1}`
  const close = () => {
    for (const name of names) ip('netns', 'del', space(name))
    ip('netns', 'del', hub)
  }
  try {
    must('netns', 'add', hub)
    must('-n', hub, 'link', 'add', 'br0', 'type', 'bridge')
    must('-n', hub, 'link', 'set', 'br0', 'up')
    for (const name of names) {
      must('netns', 'add', space(name))
      must('-n', hub, 'link', 'add', port(name), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space(name))
      must('-n', hub, 'link', 'set', port(name), 'master', 'br0', 'up')
      must('-n', space(name), 'address', 'add', `${address(name)}/24`, 'dev', 'eth0')
      must('-n', space(name), 'link', 'set', 'eth0', 'up')
      must('-n', space(name), 'link', 'set', 'lo', 'up')
    }
  } catch (error) {
    close()
    throw error
  }
  return {
    address,
    close,
    at: (name) => ['ip', 'netns', 'exec', space(name)],
    cut: (name) => must('-n', hub, 'link', 'set', port(name), 'down'),
    heal: (name) => must('-n', hub, 'link', 'set', port(name), 'up'),
    delay: (name, milliseconds) => {
      const netem = ['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'netem', 'delay', `${milliseconds}ms`]
      return ip('netns', 'exec', space(name), ...netem)
    },
  }
}

/** Whether this machine has namespaces and cables to lay; tests that need them are skipped otherwise. */
export const hasCables = ((): boolean => {
  try {
    layCables(['a']).close()
    return true
  } catch (error) {
    console.warn(`no network namespaces here, tests with them are skipped: ${(error as Error).message}`)
    return false
  }
})()
