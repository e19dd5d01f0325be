import type { OwnRule } from './own-rule.ts'

/** `my-rule.mjs:12`: a rule's file with the line in it that an error came from, if that is known. */
export function at({ file }: Pick<OwnRule, 'file'>, error: unknown): string {
  const line = lineIn(file, error)
  return line === undefined ? file : `${file}:${line}`
}

/** The innermost line of a file that is in the stack of an error. */
export function lineIn(file: string, error: unknown): number | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const name = `/${encodeURI(file)}`
  for (const call of stack.split('\n')) {
    const [, path = '', line] = /([^\s()]+?)(?:\?sha256=\w+)?:(\d+)(?::\d+)?\)?$/.exec(call) ?? []
    if (path.endsWith(name)) return Number(line)
  }
  return undefined
}
