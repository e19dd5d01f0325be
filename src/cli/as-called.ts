/** Whether npx, which is `npm exec`, started this process by the program's name. npm 11 puts the name in quotes. */
export function isNpx(env: Readonly<Record<string, string | undefined>>): boolean {
  const { npm_lifecycle_event: event, npm_command: command, npm_lifecycle_script: script = '' } = env
  return (event === 'npx' || command === 'exec') && /^['"]?fedunify(?![\w-])/.test(script)
}

const NPX = 'npx '

/**
 * Text for people, in which commands of fedunify can be pasted where it is no program of the shell's own, but npx finds
 * it. What a shell is to run whenever it starts, `source <(fedunify …)`, stays: npx takes too long for that.
 * @param names of all commands: other words after the name are prose
 */
export function throughNpx(text: string, names: readonly string[]): string {
  const next = [...names, 'help', '--help', '--version', '\\[options\\]'].join('|')
  const command = new RegExp(`(?<!npx |<\\(|[\\w./@-])fedunify(?= (?:${next})(?![\\w-]))`, 'g')
  const called = text.replace(command, `${NPX}fedunify`)
  // What explains a command on the line below it stays in its column.
  return called.replace(/(?<=^ +npx fedunify .*\n) {24,}/gm, (indent) => indent + ' '.repeat(NPX.length))
}
