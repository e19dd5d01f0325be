/**
 * What the page does in a browser: a crosshair with the values of a round, and saving figures. It reads its numbers
 * from the tables behind the figures, so that what is hovered is what is printed.
 *
 * Exports draw with the light theme: styles are computed with it, written into a copy of the drawing as presentation
 * attributes (the page's policy allows no style attributes, and a file alone has no stylesheet), and taken back.
 */
export const SCRIPT = `
'use strict'
const root = document.documentElement
root.classList.add('js')
const visible = (plot) => [...plot.querySelectorAll('svg.chart')].find((svg) => svg.getBoundingClientRect().width > 0)

for (const pointer of document.querySelectorAll('.pointer')) {
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

const KEPT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin', 'font-family',
  'font-size', 'font-weight', 'visibility']
const MARGIN = 12

function standalone(svg) {
  const copy = svg.cloneNode(true)
  root.classList.add('light')
  const from = [svg, ...svg.querySelectorAll('*')]
  const to = [copy, ...copy.querySelectorAll('*')]
  const page = getComputedStyle(document.body).backgroundColor
  from.forEach((element, i) => {
    const style = getComputedStyle(element)
    if (element.localName !== 'title' && element.localName !== 'desc') {
      for (const name of KEPT) to[i].setAttribute(name, style.getPropertyValue(name))
    }
    to[i].removeAttribute('class')
  })
  root.classList.remove('light')
  const { width, height } = svg.viewBox.baseVal
  const w = width + 2 * MARGIN
  const h = height + 2 * MARGIN
  copy.setAttribute('viewBox', [-MARGIN, -MARGIN, w, h].join(' '))
  copy.setAttribute('width', w)
  copy.setAttribute('height', h)
  const back = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  const box = { x: -MARGIN, y: -MARGIN, width: w, height: h, fill: page, stroke: 'none' }
  for (const [name, value] of Object.entries(box)) back.setAttribute(name, value)
  copy.querySelector('desc').after(back)
  return { text: new XMLSerializer().serializeToString(copy), width: w, height: h }
}

function save(blob, name) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10000)
}

async function exportFigure(button) {
  const plot = button.closest('[data-plot]') ?? button.closest('figure').querySelector('[data-plot]')
  const svg = visible(plot)
  const name = root.dataset.name + '-' + svg.querySelector('title').id.replace(/-t$/, '')
  const { text, width, height } = standalone(svg)
  if (button.dataset.export === 'svg') return save(new Blob([text], { type: 'image/svg+xml' }), name + '.svg')
  const image = new Image()
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text)
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = width * 3
  canvas.height = height * 3
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
  canvas.toBlob((blob) => save(blob, name + '.png'), 'image/png')
}

for (const button of document.querySelectorAll('[data-export]')) {
  button.addEventListener('click', () => exportFigure(button))
}
`
