/** Tables that are sorted by a click on a head, and that say so if they are cut. */
export const TABLES = `
const numberIn = (text) => Number.parseFloat(text.replace('\\u2212', '-').replace(/^[\\u00b1+]/, '').replaceAll(',', ''))

function sortBy(head) {
  const table = head.closest('table')
  const down = head.getAttribute('aria-sort') === 'descending'
  for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort')
  head.setAttribute('aria-sort', down ? 'ascending' : 'descending')
  const text = (row) => row.cells[head.cellIndex].textContent.trim()
  const order = (a, b) => {
    const [x, y] = [text(a), text(b)]
    const [m, n] = [numberIn(x), numberIn(y)]
    if (Number.isFinite(m) !== Number.isFinite(n)) return Number.isFinite(m) ? -1 : 1
    const rising = Number.isFinite(m) ? m - n : x.localeCompare(y)
    return down ? rising : -rising
  }
  const body = table.tBodies[0]
  body.append(...[...body.rows].sort(order))
}

function markCut() {
  for (const box of document.querySelectorAll('.scroll')) box.classList.toggle('cut', box.scrollWidth > box.clientWidth + 1)
}
addEventListener('resize', markCut)
document.addEventListener('toggle', markCut, true)
`
