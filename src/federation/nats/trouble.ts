import { messageOf } from '../../errors.ts'

/** Milliseconds for which a broker that restarts may refuse what it is given. */
const PASSING = 3000

/** Says once if the broker keeps nothing any more, which is waited for, and once that it does again. */
export class Trouble {
  readonly #note: (line: string) => void
  #since: number | undefined
  #told = false

  constructor(note: (line: string) => void) {
    this.#note = note
  }

  /** Something could not be put there. */
  failed(error: unknown): void {
    const why = keepsNothing(error)
    if (!why) return
    this.#since ??= performance.now()
    if (this.#told || performance.now() - this.#since < PASSING) return
    this.#told = true
    this.#note(`the broker ${why}: waiting. ${MEND}`)
  }

  /** Something was put there. */
  worked(): void {
    if (this.#told) this.#note('the broker has room again')
    this.#told = false
    this.#since = undefined
  }
}

const MEND = 'Give it more disk, or raise max_file_store in its nats.conf, and start it again'

/** By the broker's words; undefined if it is another trouble, such as a lost connection. */
function keepsNothing(error: unknown): string | undefined {
  const text = messageOf(error)
  if (/insufficient|limits? exceeded|no space|maximum bytes/i.test(text)) return `has no room left (${text})`
  if (/jetstream.*(not|un)|no responders/i.test(text))
    return `has closed its store, as it does if its disk is full (${text})`
  return undefined
}
