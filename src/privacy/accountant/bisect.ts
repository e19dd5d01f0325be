/**
 * The least value at which something holds, from above: it holds at what is returned.
 * @param holds nowhere below some value, and everywhere above it
 * @param low where it does not hold, or is not asked to
 * @param high where it holds
 * @param within parts of the value that it may be above it; 0: until two neighbouring floats are left
 */
export function leastThatHolds(
  holds: (value: number) => boolean,
  { low, high, within = 0 }: { readonly low: number; readonly high: number; readonly within?: number },
): number {
  let [below, above] = [low, high]
  while (above - below > within * above) {
    const middle = (below + above) / 2
    if (middle <= below || middle >= above) break
    if (holds(middle)) above = middle
    else below = middle
  }
  return above
}
