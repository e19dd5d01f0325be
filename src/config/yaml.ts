import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { FedunifyError } from '../errors.ts'
import { thousands } from '../format.ts'
import { isMapping } from './mapping.ts'
import { show } from './show.ts'

/** Lists and mappings within one another; those of an experiment are six deep at most. */
const DEEPEST = 20

export interface YamlOptions {
  /** Characters that the text may have with what its aliases name written out. */
  readonly most: number
  /** What it is the text of, for hints. */
  readonly what: 'file' | 'value'
  /** The place of a line, for messages. */
  place(line: number): string
}

/** What a YAML text holds, null if it is empty, and the line where the value at a path stands. */
export interface Yaml {
  readonly value: unknown
  /** For no path, the line of the first value. Undefined if nothing of the path is there. */
  lineOf(path: readonly PropertyKey[]): number | undefined
}

/** @throws FedunifyError (usage) with the place of what is no YAML, or makes more than a text of that size should */
export function parseYaml(text: string, options: YamlOptions): Yaml {
  const lines = new LineCounter()
  const lineAt = (node: Node | null | undefined) => lines.linePos(node?.range?.[0] ?? 0).line
  // yaml compares each key of a mapping with all others, which takes seconds for some thousands: Values does it.
  const document = parseDocument(text, {
    lineCounter: lines,
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    schema: 'core',
    resolveKnownTags: false,
  })
  const refuse = (line: number, message: string) =>
    new FedunifyError('E_CONFIG', `${options.place(line)}: ${message}`, `the ${options.what} must be YAML`)
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem) throw refuse(lines.linePos(problem.pos[0]).line, MESSAGES[problem.code] ?? firstLine(problem.message))
  const values = new Values(text.length, options.most, (node, message) => refuse(lineAt(node), message))
  return {
    value: values.of(document.contents),
    lineOf(path) {
      if (path.length === 0) return lineAt(document.contents)
      for (let depth = path.length; depth > 0; depth--) {
        const node = document.getIn(path.slice(0, depth), true)
        if (isNode(node) && node.range) return lineAt(node)
        const within = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true)
        const merge = isMap<Node>(within) && within.items.find(({ key }) => isMergeKey(key))
        if (merge) return lineAt(merge.key)
      }
      return undefined
    },
  }
}

/** `<<` without quotes, as YAML 1.1 has it. */
const isMergeKey = (key: Node) => isScalar(key) && key.value === '<<' && key.type === 'PLAIN'

const TOO_DEEP = `lists and mappings are nested more than ${DEEPEST} deep`

/** Where what yaml says is not what people would. */
const MESSAGES: Readonly<Record<string, string>> = {
  NON_STRING_KEY: 'a key must be text',
  MULTIPLE_DOCS: 'a second document begins here',
  RESOURCE_EXHAUSTION: TOO_DEEP,
}

/** Names that the text holds are in what yaml says too. */
const firstLine = (message: string) => message.split('\n')[0]!.slice(0, 200)

/** A node with an anchor: what aliases of it stand for. */
interface Anchored {
  value: unknown
  /** Characters that it has, with its own aliases written out; undefined while they are being read. */
  size: number | undefined
}

/** Makes values of nodes. Aliases are resolved only here: one may lead nowhere, to itself, or too many to too much. */
class Values {
  readonly #refuse: (node: Node, message: string) => FedunifyError
  readonly #most: number
  readonly #anchors = new Map<string, Anchored>()
  #size: number

  /** @param size characters of the text */
  constructor(size: number, most: number, refuse: (node: Node, message: string) => FedunifyError) {
    this.#size = size
    this.#most = most
    this.#refuse = refuse
  }

  of(node: unknown, depth = 0): unknown {
    if (!isNode(node)) return null
    if (isAlias(node)) return this.#named(node, node.source)
    const anchored: Anchored = { value: undefined, size: undefined }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, anchored)
    const before = this.#size
    const value = this.#plain(node, depth)
    const [from, to] = node.range!
    return Object.assign(anchored, { value, size: to - from + this.#size - before }).value
  }

  #plain(node: Node, depth: number): unknown {
    if (isScalar(node)) return node.value
    if (depth === DEEPEST) throw this.#refuse(node, TOO_DEEP)
    if (isSeq(node)) return node.items.map((item) => this.of(item, depth + 1))
    const entries = new Map<string, unknown>()
    let merged: Readonly<Record<string, unknown>> = {}
    let merges = false
    for (const { key, value } of isMap<Node, Node | null>(node) ? node.items : []) {
      const name = String(this.of(key))
      const merge = isMergeKey(key)
      if (merge ? merges : entries.has(name)) throw this.#refuse(key, `the key ${show(name)} is there twice`)
      const of = this.of(value, depth + 1)
      if (merge) merged = this.#merged(key, of)
      else entries.set(name, of)
      merges ||= merge
    }
    // What a mapping has itself counts more than what it takes over.
    return merges ? Object.fromEntries([...Object.entries(merged), ...entries]) : Object.fromEntries(entries)
  }

  /** What a merge key takes over: of a mapping, or of several, of which the first counts most. */
  #merged(key: Node, value: unknown): Readonly<Record<string, unknown>> {
    const all = [value].flat()
    if (!all.every(isMapping)) throw this.#refuse(key, 'the key << takes over a mapping, or a list of them')
    return Object.fromEntries(all.toReversed().flatMap((one) => Object.entries(one)))
  }

  #named(node: Node, name: string): unknown {
    const anchored = this.#anchors.get(name)
    if (!anchored) throw this.#refuse(node, `the alias ${show(name)} names nothing that stands before it`)
    if (anchored.size === undefined) throw this.#refuse(node, `the alias ${show(name)} stands within what it names`)
    this.#size += anchored.size
    if (this.#size <= this.#most) return anchored.value
    throw this.#refuse(node, `with its aliases written out there are more than ${thousands(this.#most)} characters`)
  }
}
