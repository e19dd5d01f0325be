import { createHash } from 'node:crypto'
import { LIVE } from './script/live.ts'
import { SCRIPT } from './script/script.ts'
import { STYLE } from './style/style.ts'

/** The script of a page; one that follows a run asks where it came from for more. */
export const scriptOf = (live: boolean): string => (live ? `${SCRIPT}${LIVE}` : SCRIPT)

/** What a page may do: run its own style and script, and nothing from anywhere else. */
export function pagePolicy(live: boolean): string {
  return [
    "default-src 'none'",
    `style-src ${hash(STYLE)}`,
    `script-src ${hash(scriptOf(live))}`,
    'img-src data:',
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
