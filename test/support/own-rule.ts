import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The fields of a rule that are the same in most tests. */
const FIELDS = "summary: 'a rule of this test', source: 'none', when: 'never', needs: 'each'"

/** What a rule computes if nothing else is asked for: the first owner's values. */
const FIRST = 'make: () => (values, _owners, out) => { out.set(values[0]) }'

/** The text of a rule's file. */
export const ruleText = (more: string = FIRST): string => `export default {\n  ${FIELDS},\n  ${more},\n}\n`

/** Puts a file into a folder, which is made if need be. */
export function put(folder: string, name: string, text: string): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}
