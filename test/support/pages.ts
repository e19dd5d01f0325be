import { readdirSync, readFileSync } from 'node:fs'

/** The pages that people read, by their paths in this repository. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...['bench', 'data', 'results'].map((folder) => `${folder}/README.md`),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** The code blocks of a page that are in a language. */
export const codeBlocks = (page: string, language: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, code]) =>
    of === language ? [code!] : [],
  )
