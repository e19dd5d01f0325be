import { homedir } from 'node:os'
import { join } from 'node:path'

interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  readonly home: string
}

/** Where the system wants caches of this user (XDG_CACHE_HOME, ~/Library/Caches, %LOCALAPPDATA%): our folder there. */
export function cacheFolder({ env, platform, home }: Machine = { ...process, home: homedir() }): string {
  const own: Partial<Record<NodeJS.Platform, string>> = {
    darwin: join(home, 'Library', 'Caches'),
    win32: env.LOCALAPPDATA || join(home, 'AppData', 'Local'),
  }
  return join(env.XDG_CACHE_HOME || (own[platform] ?? join(home, '.cache')), 'fedunify')
}
