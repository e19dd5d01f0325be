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
  const results = starts.map(() => deferred<R>())
  const begun = new Set<number>()
  let running = 0
  /** Places whose work has begun, as that of all before them has. */
  let known = 0
  let taken = 0
  let over = false

  const run = async (place: number) => {
    running += 1
    try {
      results[place]!.resolve(await work(place))
    } catch (error) {
      over = true
      for (const [other, { reject }] of results.entries()) if (other === place || !begun.has(other)) reject(error)
    }
    running -= 1
    begin()
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
    const result = await results[taken]!.promise
    // It is held by whoever takes it alone.
    results[taken] = deferred()
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

interface Deferred<R> {
  readonly promise: Promise<R>
  resolve(result: R): void
  reject(error: unknown): void
}

function deferred<R>(): Deferred<R> {
  let settle: Omit<Deferred<R>, 'promise'> | undefined
  const promise = new Promise<R>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // It may fail while nobody waits for it, and is looked at then.
  promise.catch(() => {})
  return { promise, ...settle! }
}
