/** Into how many parts the work of each worker in a round is divided: owners that differ by less are equally long. */
const PARTS = 256

/**
 * An owner is long from so many parts on. Workers may end apart by as much, and there are at most 32 long owners for each
 * worker.
 */
const LONG = 8

/**
 * In which order owners begin to train, so that workers are busy to the end: the longest first (Graham 1969, SIAM J.
 * Appl. Math. 17(2)), and then those that are short, in their order. So are those that are equally long.
 * @param images to train on, by place
 * @param room owners that may be done long before it is their turn, at most: their models are held until then
 * @returns the places
 */
export function longestFirst(images: readonly number[], workers: number, room = Number.POSITIVE_INFINITY): number[] {
  const places = [...images.keys()]
  if (workers === 1) return places
  const part = images.reduce((sum, count) => sum + count, 0) / (PARTS * workers)
  const length = images.map((count) => Math.floor(count / part))
  const long = places.filter((place) => length[place]! >= LONG).sort((a, b) => length[b]! - length[a]!)
  const first = new Set(long.slice(0, room))
  return [...first, ...places.filter((place) => !first.has(place))]
}
