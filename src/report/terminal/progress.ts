import type { WriteStream } from 'node:tty'
import { createLogUpdate } from 'log-update'
import { accuracy, type Evaluation } from '../../engine/engine.ts'
import type { OwnerProgress } from '../../federation/cohort.ts'
import { POOLED, type RoundFinished, type RunEvent, type Started } from '../../federation/events.ts'
import { duration, percent, thousands } from '../../format.ts'
import { extremes } from '../../stats.ts'
import { type Palette, visible } from '../../visible.ts'
import { bar } from './bar.ts'

/** Tells people how a run goes, on stderr. */
export interface ProgressView {
  /** A line about what happens before the rounds. */
  note(line: string): void
  event(event: RunEvent): void
  /** Leaves the terminal as it should be, however the run ended. */
  stop(): void
}

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

const MAX_LOCALS = 4

/** An accuracy in percent; - if no owner has told it. */
const accuracyText = (evaluation: Evaluation | undefined): string => (evaluation ? percent(accuracy(evaluation)) : '-')

/** min 41.10 median 63.25 max 88.00 */
function spreadText(fractions: readonly number[]): string {
  const { min, median, max } = extremes(fractions)
  return `min ${percent(min)} median ${percent(median)} max ${percent(max)}`
}

/** round 3/10  local 95.01 98.48  avg 64.49  max 27.14: the accuracies of a round in percent. */
function roundLine(event: RoundFinished, rounds: number, colors: Palette): string {
  const locals = event.locals.map(({ local }) => local)
  const told = locals.filter((local) => local !== undefined).map(accuracy)
  const [first, ...others] = event.merges.map(({ merge, unified }) => `${merge} ${accuracyText(unified)}`)
  const pooled = event.baseline ? [`pooled ${percent(accuracy(event.baseline.local))}`] : []
  const number = String(event.round).padStart(String(rounds).length)
  const { train, merge, evaluate } = event.seconds
  const time = colors.dim(duration(train + merge + evaluate))
  return [
    `round ${number}/${rounds}`,
    `local ${locals.length > MAX_LOCALS && told.length > 0 ? spreadText(told) : locals.slice(0, MAX_LOCALS).map(accuracyText).join(' ')}`,
    colors.bold(first!),
    ...others,
    ...pooled,
    ...(event.absent.length > 0 ? [`without owner ${event.absent.join(', ')}`] : []),
    time,
  ].join('  ')
}

/** One plain line for each round: for logs and CI. */
export class PlainProgress implements ProgressView {
  readonly #write: (line: string) => void
  readonly #colors: Palette
  readonly #clock = new Clock()

  constructor(write: (line: string) => void, colors: Palette) {
    this.#write = write
    this.#colors = colors
  }

  note(line: string): void {
    this.#write(line)
  }

  event(event: RunEvent): void {
    if (event.type === 'started') this.#clock.start(event)
    if (event.type !== 'round-finished') return
    this.#clock.finish(event.round)
    const left = this.#clock.left(0)
    const eta = left ? this.#colors.dim(`, ${duration(left)} left`) : ''
    this.#write(`${roundLine(event, this.#clock.rounds, this.#colors)}${eta}`)
  }

  stop(): void {}
}

const MAX_BARS = 8

/** A bar for each owner that trains, redrawn in place, above which the lines of finished rounds stay. */
export class LiveProgress implements ProgressView {
  readonly #log: ReturnType<typeof createLogUpdate>
  readonly #colors: Palette
  readonly #clock = new Clock()
  readonly #owners = new Map<number, OwnerProgress>()
  readonly #footer: () => string
  #participants = 0
  #last = ''

  /** @param footer a line below the bars; none if it is empty */
  constructor(stream: WriteStream, colors: Palette, footer: () => string = () => '') {
    this.#log = createLogUpdate(stream)
    this.#colors = colors
    this.#footer = footer
  }

  note(line: string): void {
    this.#log.persist(visible(line))
  }

  event(event: RunEvent): void {
    switch (event.type) {
      case 'started':
        this.#participants = event.owners.length + (event.baseline ? 1 : 0)
        this.#clock.start(event)
        this.#log(visible(this.#colors.dim('evaluating the initial weights …')))
        break
      case 'owner-progress':
        this.#owners.set(event.owner, event)
        this.#log(visible(this.#draw(event.round)))
        break
      case 'round-finished':
        this.#clock.finish(event.round)
        this.#owners.clear()
        this.#last = event.merges.map(({ merge, unified }) => `${merge} ${accuracyText(unified)}`).join('  ')
        this.#log.persist(visible(roundLine(event, this.#clock.rounds, this.#colors)))
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

  #draw(round: number): string {
    const { bold, dim } = this.#colors
    const progress = [...this.#owners.values()].sort((a, b) => a.owner - b.owner)
    const part = progress.reduce((sum, p) => sum + p.images / p.total, 0) / this.#participants
    const images = progress.reduce((sum, p) => sum + p.images, 0)
    const left = this.#clock.left(part)
    const speed = `${thousands(images / Math.max(this.#clock.inRound, 0.001))} images/s`
    const eta = left === undefined ? '' : `${duration(left)} left`
    const head = [bold(`round ${round}/${this.#clock.rounds}`), speed, eta, dim(this.#last && `last: ${this.#last}`)]
    // Those who still train come first: with many owners they are the ones to watch.
    const active = progress.filter((p) => p.images < p.total)
    const shown = (progress.length > MAX_BARS ? active : progress).slice(0, MAX_BARS)
    const done = progress.length - active.length
    const more = this.#participants > MAX_BARS ? [dim(`  ${done} of ${this.#participants} owners are done`)] : []
    const footer = this.#footer()
    const below = footer === '' ? more : [...more, dim(footer)]
    return [head.filter(Boolean).join('  '), ...shown.map((p) => this.#bar(p)), ...below].join('\n')
  }

  #bar({ owner, images, total, epoch, epochs, loss }: OwnerProgress): string {
    const which = epochs > 1 ? `  epoch ${epoch}/${epochs}` : ''
    const who = owner === POOLED ? 'pooled' : `owner ${owner}`
    const told = loss === undefined ? '' : this.#colors.dim(`loss ${loss.toFixed(3)}`)
    return `  ${who.padEnd(9)} ${bar(images / total, this.#colors)}${which}  ${told}`
  }
}
