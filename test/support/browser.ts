import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Whether there is a browser to test with. */
export const hasBrowser = existsSync(executablePath)
if (!hasBrowser) console.warn(`skipped: no browser at ${executablePath}; name one with CHROMIUM=/path/to/chromium`)

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking']

export interface View {
  readonly dark?: boolean
  readonly width?: number
  readonly script?: boolean
}

/** A browser for the tests of this file: opens pages, with their complaints (errors, and what the policy refused). */
export function browserForTests(): (url: string, view?: View) => Promise<{ page: Page; complaints: string[] }> {
  let browser: Browser | undefined
  beforeAll(async () => {
    if (!hasBrowser) return
    browser = await chromium.launch({ executablePath, args: [...ARGS, '--disable-component-update', '--disable-sync'] })
  }, 60_000)
  afterAll(() => browser?.close())
  return async (url, { dark = false, width = 1200, script = true } = {}) => {
    const page = await browser!.newPage({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      javaScriptEnabled: script,
    })
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    // A page asks nobody but whoever it came from.
    page.on('request', (request) => {
      const own = url.startsWith('http') && request.url().startsWith(url)
      if (!own && !/^(file|data|blob):/.test(request.url())) complaints.push(request.url())
    })
    await page.goto(url)
    return { page, complaints }
  }
}
