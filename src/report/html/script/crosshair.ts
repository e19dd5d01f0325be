/**
 * A crosshair with the values of a round. It reads its numbers from the tables behind the figures, so that what is
 * hovered is what is printed.
 */
export const CROSSHAIR = `
const visible = (plot) => [...plot.querySelectorAll('svg.chart')].find((svg) => svg.getBoundingClientRect().width > 0)

function crosshair(pointer) {
  const plot = pointer.parentElement
  const tip = plot.querySelector('.tip')
  const table = plot.closest('figure').querySelector('details table')
  const heads = [...table.tHead.rows[0].cells].slice(1)
  const rows = [...table.tBodies[0].rows]
  const what = pointer.dataset.what
  let at = -1
  pointer.tabIndex = 0
  pointer.setAttribute('role', 'slider')
  pointer.setAttribute('aria-valuemin', '0')
  pointer.setAttribute('aria-valuemax', String(rows.length - 1))

  const hide = () => {
    tip.hidden = true
    for (const line of plot.querySelectorAll('.cross')) line.classList.remove('on')
  }
  const show = (index) => {
    at = Math.max(0, Math.min(rows.length - 1, index))
    const svg = visible(plot)
    const stop = Number(svg.dataset.stops.split(' ')[at])
    const cross = svg.querySelector('.cross')
    cross.setAttribute('transform', 'translate(' + stop + ' 0)')
    cross.classList.add('on')
    const cells = [...rows[at].cells]
    const name = cells[0].textContent
    const title = document.createElement('strong')
    title.textContent = /^[0-9]/.test(name) ? what + ' ' + name : name
    const list = document.createElement('table')
    const said = []
    cells.slice(1).forEach((cell, i) => {
      if (cell.textContent === '') return
      const row = list.insertRow()
      const head = document.createElement('th')
      head.append(...[...heads[i].childNodes].map((node) => node.cloneNode(true)))
      row.append(head)
      row.insertCell().textContent = cell.textContent
      said.push(heads[i].textContent + ' ' + cell.textContent)
    })
    tip.replaceChildren(title, list)
    tip.hidden = false
    const box = svg.getBoundingClientRect()
    const x = stop * box.width / svg.viewBox.baseVal.width
    const fitsRight = x + 14 + tip.offsetWidth <= box.width
    const fitsLeft = x - 14 - tip.offsetWidth >= 0
    // Where it would hide the lines that it tells of, it goes below them.
    tip.style.left = (box.width < 500 ? 0 : fitsRight ? x + 14 : fitsLeft ? x - 14 - tip.offsetWidth : 0) + 'px'
    tip.style.top = (box.width < 500 || !(fitsRight || fitsLeft) ? box.height + 4 : Math.max(0, (box.height - tip.offsetHeight) / 2)) + 'px'
    pointer.setAttribute('aria-valuenow', String(at))
    pointer.setAttribute('aria-valuetext', title.textContent + ': ' + said.join(', '))
  }
  const nearest = (event) => {
    const svg = visible(plot)
    const box = svg.getBoundingClientRect()
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width
    const distances = svg.dataset.stops.split(' ').map((stop) => Math.abs(stop - x))
    return distances.indexOf(Math.min(...distances))
  }
  pointer.addEventListener('pointermove', (event) => show(nearest(event)))
  pointer.addEventListener('pointerdown', (event) => show(nearest(event)))
  pointer.addEventListener('pointerleave', hide)
  pointer.addEventListener('focus', () => show(at < 0 ? rows.length - 1 : at))
  pointer.addEventListener('blur', hide)
  pointer.addEventListener('keydown', (event) => {
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: rows.length - 1 }
    if (event.key === 'Escape') hide()
    if (!(event.key in to)) return
    event.preventDefault()
    show(to[event.key])
  })
  pointer.setAttribute('aria-valuenow', String(rows.length - 1))
}
`
