/**
 * Results in their order, and between them the progress of those that are under way, as soon as it is reported.
 * @param start begins the work, which reports progress from then on
 */
export async function* withProgress<P, R>(
  start: (report: (progress: P) => void) => AsyncIterable<R>,
): AsyncGenerator<P | R> {
  let reported: P[] = []
  let wake = () => {}
  const results = start((progress) => {
    reported.push(progress)
    wake()
  })[Symbol.asyncIterator]()
  const pull = () => {
    const next = results.next()
    // It may fail while nobody waits for it, and is looked at then.
    next.catch(() => {})
    return next
  }
  try {
    let next = pull()
    for (;;) {
      const progress = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined)
      })
      const result = reported.length > 0 ? undefined : await Promise.race([next, progress])
      const news = reported
      reported = []
      yield* news
      if (!result) continue
      if (result.done) return
      yield result.value
      next = pull()
    }
  } finally {
    // Not awaited: what is under way ends by itself.
    results.return?.().catch(() => {})
  }
}
