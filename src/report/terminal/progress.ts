import type { WriteStream } from 'node:tty'
import { createLogUpdate } from 'log-update'
import type { Progress } from '../../data/fashion-mnist/fetch.ts'
import type { OwnerProgress } from '../../federation/cohort.ts'
import { POOLED, type RunEvent, type Started, trainingIn } from '../../federation/events.ts'
import { duration, thousands } from '../../format.ts'
import { oneLine, type Palette, visible } from '../../visible.ts'
import { bar } from './bar.ts'
import { RoundTable } from './round-table.ts'
import { wrap } from './wrap.ts'

/** Tells people how a run goes, on stderr. */
export interface ProgressView {
  /** A line about what happens before the rounds. */
  note(line: string): void
  /**
   * A transfer, of which a share in [0, 1] is here: live it is one line, elsewhere a line for each tenth.
   * @param done what that share is, if it is not fetched
   */
  transfer(line: string, share: number, done?: string): void
  event(event: RunEvent): void
  /** Leaves the terminal as it should be, however the run ended. */
  stop(): void
}

/** Shows how a fetch goes. */
export const fetchProgress =
  (view: ProgressView): Progress =>
  (line, share) =>
    share === undefined ? view.note(oneLine(line)) : view.transfer(oneLine(line), share)

/** Mean seconds of the finished rounds, times those that are left. */
class Clock {
  rounds = 0
  #began = 0
  #before = 0
  #round = 0
  #roundBegan = 0

  start({ rounds, done }: Started): void {
    this.rounds = rounds
    this.#before = done
    this.#round = done
    this.#began = performance.now()
    this.#roundBegan = this.#began
  }

  finish(round: number): void {
    this.#round = round
    this.#roundBegan = performance.now()
  }

  /** Seconds since the current round began. */
  get inRound(): number {
    return (performance.now() - this.#roundBegan) / 1000
  }

  /** Seconds left, given which part of the current round is done; undefined while there is nothing to go by. */
  left(part: number): number | undefined {
    const done = this.#round + part
    const here = done - this.#before
    return here === 0 ? undefined : ((performance.now() - this.#began) / 1000 / here) * (this.rounds - done)
  }
}

/** Where no terminal says how wide it is. */
const WIDTH = 80

/** One plain line for each round: for logs and CI. */
export class PlainProgress implements ProgressView {
  readonly #write: (line: string) => void
  readonly #colors: Palette
  readonly #width: number
  readonly #clock = new Clock()
  #table: RoundTable | undefined
  /** Tenths of a transfer that were told. */
  #tenth = 0

  /** @param width characters of a line */
  constructor(write: (line: string) => void, colors: Palette, width = WIDTH) {
    this.#write = write
    this.#colors = colors
    this.#width = width
  }

  note(line: string): void {
    this.#write(line)
  }

  transfer(line: string, share: number, done = 'fetched'): void {
    const tenth = Math.floor(10 * share)
    if (tenth !== this.#tenth && tenth > 0) this.#write(`${done} ${10 * tenth} %: ${line}`)
    this.#tenth = tenth
  }

  event(event: RunEvent): void {
    if (event.type === 'started') {
      this.#clock.start(event)
      this.#table = new RoundTable(event, this.#width, this.#colors)
    }
    if (event.type !== 'round-finished') return
    this.#clock.finish(event.round)
    for (const line of this.#table?.lines(event, this.#clock.left(0)) ?? []) this.#write(line)
  }

  stop(): void {}
}

const MAX_BARS = 8

interface LiveOptions {
  readonly footer?: () => string
  readonly shown?: (line: string) => string
}

/** A bar for each owner that trains, redrawn in place, above which the lines of finished rounds stay. */
export class LiveProgress implements ProgressView {
  readonly #log: ReturnType<typeof createLogUpdate>
  readonly #colors: Palette
  readonly #clock = new Clock()
  readonly #width: () => number
  /** Of this round, by owner. */
  readonly #owners = new Map<number, OwnerProgress>()
  /** Owners with a bar; one that is done gives its place to the next that begins. */
  #bars: number[] = []
  readonly #footer: () => string
  #participants = 0
  readonly #shown: (line: string) => string
  #table: RoundTable | undefined

  /**
   * @param footer a line below the bars; none if it is empty
   * @param shown a note as this terminal's user has it
   */
  constructor(stream: WriteStream, colors: Palette, { footer = () => '', shown = (line) => line }: LiveOptions = {}) {
    this.#log = createLogUpdate(stream)
    this.#shown = shown
    this.#colors = colors
    this.#width = () => stream.columns
    this.#footer = footer
  }

  note(line: string): void {
    this.#log.persist(visible(wrap(this.#shown(line), this.#width())))
  }

  transfer(line: string, share: number): void {
    this.#log(visible(`  ${bar(share, this.#colors)}  ${line}`))
  }

  event(event: RunEvent): void {
    switch (event.type) {
      case 'started':
        this.#participants = trainingIn(event)
        this.#clock.start(event)
        this.#table = new RoundTable(event, this.#width(), this.#colors)
        this.#log(visible(this.#colors.dim('evaluating the initial weights …')))
        break
      case 'owner-progress':
        this.#place(event)
        this.#log(visible(this.#draw(event.round)))
        break
      case 'round-finished':
        this.#clock.finish(event.round)
        this.#owners.clear()
        this.#bars = []
        this.#log.persist(visible(this.#table!.lines(event, this.#clock.left(0)).join('\n')))
        break
      case 'finished':
      case 'failed':
        this.stop()
        break
      case 'owner-trained':
        break
    }
  }

  stop(): void {
    this.#log.clear()
    this.#log.done()
  }

  /** As many bars as owners train at a time stay where they are: the lines below do not jump. */
  #place(event: OwnerProgress): void {
    this.#owners.set(event.owner, event)
    if (this.#bars.includes(event.owner)) return
    const done = this.#bars.findIndex((owner) => isDone(this.#owners.get(owner)!))
    if (done >= 0) this.#bars[done] = event.owner
    else if (this.#bars.length < MAX_BARS) this.#bars.push(event.owner)
  }

  #draw(round: number): string {
    const { bold, dim } = this.#colors
    const progress = [...this.#owners.values()]
    const part = progress.reduce((sum, p) => sum + p.images / p.total, 0) / this.#participants
    const images = progress.reduce((sum, p) => sum + p.images, 0)
    const left = this.#clock.left(part)
    const speed = `${thousands(images / Math.max(this.#clock.inRound, 0.001))} images/s`
    const eta = left === undefined ? '' : `${duration(left)} left`
    const head = [bold(`round ${round}/${this.#clock.rounds}`), speed, eta]
    const more = [dim(`  ${progress.filter(isDone).length} of ${this.#participants} owners are done`)]
    const footer = this.#footer()
    return [
      head.filter(Boolean).join('  '),
      ...this.#bars.map((owner) => this.#owner(this.#owners.get(owner)!)),
      ...(this.#participants > this.#bars.length ? more : []),
      ...(footer === '' ? [] : [dim(footer)]),
    ].join('\n')
  }

  #owner({ owner, images, total, epoch, epochs, loss }: OwnerProgress): string {
    const which = epochs > 1 ? `  epoch ${epoch}/${epochs}` : ''
    const who = owner === POOLED ? 'pooled' : `owner ${owner}`
    const told = loss === undefined ? '' : `  ${this.#colors.dim(`loss ${loss.toFixed(3)}`)}`
    return `  ${who.padEnd(9)} ${bar(images / total, this.#colors)}${which}${told}`
  }
}

const isDone = ({ images, total }: OwnerProgress) => images >= total
