import { fileURLToPath } from 'node:url'

/** The path of a program of this folder: threads and processes load compiled JavaScript, also under test. */
export function compiled(name: string): string {
  const folder = import.meta.url.endsWith('.ts') ? '../../../dist' : '.'
  return fileURLToPath(new URL(`${folder}/${name}.js`, import.meta.url))
}
