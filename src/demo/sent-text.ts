import { dataSize } from '../format.ts'
import { columns } from '../report/terminal/columns.ts'
import type { Demonstrated } from './demonstrate.ts'

/** What came to each owner and what left it, as its own ledger says. */
export function sentText(books: Demonstrated['books']): string {
  const rows = books.map(({ name, totals }) => {
    const sum = (direction: 'in' | 'out', fits: (kind: string) => boolean) =>
      dataSize(totals.reduce((all, one) => all + (one.direction === direction && fits(one.kind) ? one.bytes : 0), 0))
    const weights = (kind: string) => kind === 'update'
    return [name, sum('in', () => true), sum('out', weights), sum('out', (kind) => !weights(kind))]
  })
  return (
    `${columns(["by each owner's own ledger", 'in', 'out: weights', 'out: all else'], rows)}\n\n` +
    'All else are numbers: of images in each class, epochs, losses, test images of each class taken for which. The server\n' +
    'sees the weights of each owner: this is no privacy guarantee (docs/federation.md says who sees what).\n'
  )
}
