/** Training images of each class, by owner; none of an owner that does not tell. */
export type OwnerLabels = readonly { readonly owner: number; readonly counts: readonly number[] }[]

/**
 * The classes of which one owner alone has images, by owner: how the last layer changes for them is that owner's, whatever
 * is summed. Nothing is known if an owner does not tell what it has.
 */
export function soleClasses(labels: OwnerLabels): { readonly owner: number; readonly classes: readonly number[] }[] {
  if (labels.some(({ counts }) => counts.length === 0)) return []
  const holders: number[] = []
  for (const { counts } of labels)
    for (const [c, count] of counts.entries()) if (count > 0) holders[c] = (holders[c] ?? 0) + 1
  return labels
    .map(({ owner, counts }) => ({
      owner,
      classes: [...counts.keys()].filter((c) => counts[c]! > 0 && holders[c] === 1),
    }))
    .filter(({ classes }) => classes.length > 0)
}
