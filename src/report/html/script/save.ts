/**
 * Figures as files. They are drawn with the light theme: styles are computed with it, written into a copy of the drawing
 * as presentation attributes (the page's policy allows no style attributes, and a file alone has no stylesheet), and
 * taken back.
 */
export const SAVE = `
const KEPT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin', 'font-family',
  'font-size', 'font-weight', 'visibility', 'display']
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
`
