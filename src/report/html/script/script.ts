import { CROSSHAIR } from './crosshair.ts'
import { SAVE } from './save.ts'
import { TABLES } from './tables.ts'

/** What the page does in a browser; it can be read without. */
export const SCRIPT = `
'use strict'
const root = document.documentElement
root.classList.add('js')
${CROSSHAIR}${SAVE}${TABLES}
function toggle(button) {
  const pressed = button.closest('figure').classList.toggle(button.dataset.toggle)
  button.setAttribute('aria-pressed', String(pressed))
}

/** A link to a chapter opens it. */
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)))
  const chapter = target && target.closest('details.chapter')
  if (!chapter) return
  chapter.open = true
  target.scrollIntoView()
}
addEventListener('hashchange', openTarget)

/** On paper nothing can be unfolded: a few chapters are printed whole, of many those that are open. */
let unfolded = []
addEventListener('beforeprint', () => {
  const chapters = [...document.querySelectorAll('details.chapter')]
  unfolded = chapters.length > 12 ? [] : chapters.filter(({ open }) => !open)
  for (const chapter of unfolded) chapter.open = true
})
addEventListener('afterprint', () => {
  for (const chapter of unfolded) chapter.open = false
})

document.addEventListener('click', (event) => {
  const button = event.target.closest('button')
  if (!button) return
  if (button.dataset.export) exportFigure(button)
  else if (button.dataset.toggle) toggle(button)
  else if ('sort' in button.dataset) sortBy(button.closest('th'))
})

function begin() {
  for (const pointer of document.querySelectorAll('.pointer')) crosshair(pointer)
  markCut()
}
begin()
openTarget()
`
