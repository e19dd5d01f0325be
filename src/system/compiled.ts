import { fileURLToPath } from 'node:url'

/**
 * The path of a program beside the module at `from`: threads and processes load compiled JavaScript, also under test.
 * @param from the caller's import.meta.url
 */
export function compiled(name: string, from: string): string {
  const place = from.endsWith('.ts') ? new URL('../../dist/', import.meta.url) : from
  return fileURLToPath(new URL(`./${name}.js`, place))
}
