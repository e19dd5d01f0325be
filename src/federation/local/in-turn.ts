/**
 * Results in the order of their places, of work that begins in another order.
 *
 * A result waits until those of all places before it are taken. What is held is what the order of beginning asks for,
 * and `ahead` results more at most.
 * @param starts each place once, in the order in which its work begins
 * @param ahead how many may be under way at a time, and how far those that could be taken may be ahead of those that are
 * @throws what the work throws, once the results before it are taken; no further work begins then
 */
export async function* inTurn<R>(
  starts: readonly number[],
  work: (place: number) => Promise<R>,
  ahead: number,
): AsyncGenerator<R> {
  // Not as promises: those are old by then, and old garbage keeps what it holds from a collection of young garbage.
  const results = new Map<number, R>()
  const failures = new Map<number, unknown>()
  const begun = new Set<number>()
  let running = 0
  /** Places whose work has begun, as that of all before them has. */
  let known = 0
  let taken = 0
  let over = false
  let wake = () => {}

  const run = async (place: number) => {
    running += 1
    try {
      results.set(place, await work(place))
    } catch (error) {
      failures.set(place, error)
      over = true
    }
    running -= 1
    begin()
    wake()
  }
  const begin = () => {
    while (!over && begun.size < starts.length && running < ahead && known - taken < ahead) {
      const place = starts[begun.size]!
      begun.add(place)
      while (begun.has(known)) known += 1
      void run(place)
    }
  }
  const take = async () => {
    while (!results.has(taken)) {
      // If its work has not begun, it never will.
      for (const [place, error] of failures) if (place === taken || !begun.has(taken)) throw error
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const result = results.get(taken)!
    results.delete(taken)
    taken += 1
    begin()
    return result
  }

  try {
    begin()
    while (taken < starts.length) yield await take()
  } finally {
    over = true
  }
}
