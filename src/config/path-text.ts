import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

/** A path as people write it. `~` is the home folder: in a file, or behind a `=`, no shell has replaced it. */
export const pathText = () =>
  z
    .string()
    .min(1)
    .transform((path, ctx) => {
      if (!path.startsWith('~')) return path
      if (path === '~' || /^~[\\/]/.test(path)) return join(homedir(), path.slice(1))
      const message = 'expected a path: ~ is the home folder, ~NAME is not known, and a folder called ~ is written ./~'
      ctx.addIssue({ code: 'custom', message, input: path })
      return z.NEVER
    })
