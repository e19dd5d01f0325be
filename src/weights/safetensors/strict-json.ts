/**
 * What a JSON text holds, if it is as plain as a header must be: JSON.parse takes any depth, and of a key that is there
 * twice the later one.
 * @param deepest objects and lists within one another
 * @throws Error that says what is wrong
 */
export function parseStrictJson(text: string, deepest: number): unknown {
  assertStrict(text, deepest)
  return JSON.parse(text)
}

/** Looks at brackets and keys alone: what is no JSON is for JSON.parse to say. */
function assertStrict(text: string, deepest: number): void {
  /** The keys so far of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '"') {
      const end = endOfString(text, i)
      if (isKey) addKey(open.at(-1)!, text.slice(i, end + 1))
      isKey = false
      i = end
    } else if (character === '{' || character === '[') {
      if (open.length === deepest) throw new Error(`it is nested more than ${deepest} deep`)
      open.push(character === '{' ? new Set() : undefined)
      isKey = character === '{'
    } else if (character === '}' || character === ']') open.pop()
    else if (character === ',') isKey = open.at(-1) !== undefined
  }
}

function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === '"') return i
    if (text[i] === '\\') i += 1
  }
  return text.length
}

/** Two keys are the same if they are so once their escapes are read. */
function addKey(keys: Set<string>, written: string): void {
  const key = String(JSON.parse(written))
  if (keys.has(key)) throw new Error(`it has ${JSON.stringify(key)} twice`)
  keys.add(key)
}
