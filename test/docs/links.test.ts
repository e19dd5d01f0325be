import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { PAGES } from '../support/pages.ts'

/** The anchors of a page, as GitHub makes them of its headings. */
function anchors(page: string): string[] {
  const headings = [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

it.each(PAGES)('every link of %s leads somewhere in this repository', (page) => {
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link]) => link!)
  const broken = links.filter((link) => {
    const [path, anchor] = link.split('#')
    const file = path === '' ? page : join(dirname(page), path!)
    return !existsSync(file) || (anchor !== undefined && !anchors(file).includes(anchor))
  })
  expect(broken).toEqual([])
})
