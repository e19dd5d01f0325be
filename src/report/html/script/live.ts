/** What a page that follows a run does besides: it takes the new figures when a round is done, and keeps its place. */
export const LIVE = `
const live = document.querySelector('.live')
const places = (all) => [...all].map((element) => {
  const owner = element.closest('[id]')
  return [element, owner.id + ' ' + [...owner.querySelectorAll('details')].indexOf(element)]
})

async function renew(version) {
  if (version === live.dataset.version) return
  const answer = await fetch(location.pathname, { cache: 'no-store' })
  if (!answer.ok) return
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const open = new Set(places(document.querySelectorAll('main details[open]')).map(([, place]) => place))
  const counts = [...document.querySelectorAll('main .counts')].map(({ id }) => id)
  document.querySelector('main').replaceWith(fresh.querySelector('main'))
  document.querySelector('header').replaceWith(fresh.querySelector('header'))
  for (const [details, place] of places(document.querySelectorAll('main details'))) if (open.has(place)) details.open = true
  for (const id of counts) {
    const button = document.getElementById(id)?.querySelector('[data-toggle]')
    if (button) toggle(button)
  }
  live.dataset.version = fresh.querySelector('.live').dataset.version
  begin()
}

const events = new EventSource(location.pathname + 'events')
const say = (text) => live.querySelector('p').textContent = text
events.addEventListener('state', ({ data }) => {
  const { text, version } = JSON.parse(data)
  say(text)
  renew(version)
})
events.addEventListener('error', () => say('fedunify report --watch has ended. These are the last figures that it sent.'))
`
