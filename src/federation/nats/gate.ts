/** Messages that are read of an owner in a second; more are looked at later, or not at all. */
const READ = 50
/** Lines that are said of an owner in a minute. */
const SAID = 10

interface Window {
  since: number
  count: number
}

/** One owner that sends thousands of messages must not keep the server from the others, nor flood its terminal. */
export class Gate {
  readonly #read = new Map<number, Window>()
  readonly #said = new Map<number, Window>()
  readonly #note: (line: string) => void

  constructor(note: (line: string) => void) {
    this.#note = note
  }

  /** Whether a message of this owner is read now. */
  lets(owner: number): boolean {
    return counted(this.#read, owner, 1000) <= READ
  }

  /** Says a line about an owner, unless enough was said of it. */
  say(owner: number, name: string, line: string): void {
    const count = counted(this.#said, owner, 60_000)
    if (count <= SAID) this.#note(line)
    if (count === SAID + 1) this.#note(`more of owner ${name} was refused; no more of it is shown for a minute`)
  }
}

function counted(windows: Map<number, Window>, owner: number, milliseconds: number): number {
  const now = performance.now()
  let window = windows.get(owner)
  if (!window || now - window.since > milliseconds) window = { since: now, count: 0 }
  windows.set(owner, window)
  window.count += 1
  return window.count
}
