import { SHADES } from './theme.ts'

const colors = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'local', 'pooled', 'hit', 'miss']
  .map((name) => `.${name}{--c:var(--${name})}`)
  .join('')

const shades = SHADES.map((opacity, i) => `.s${i}{fill-opacity:${opacity}}`).join('')

/** What is inside a drawing, on the page or in a file of its own. */
export const CHART_STYLE = `
${colors}${shades}
svg text{font-family:var(--sans);font-size:12px;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick,svg .legend,svg .name{fill:var(--muted)}
svg .small{font-size:10.5px}
svg .tiny{font-size:9.5px}
svg .strong{font-weight:600}
svg .ink{fill:var(--c)}
svg .over{fill:var(--over)}
svg .count{display:none}
.counts svg .count{display:inline}
.counts svg .share{display:none}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.axis{stroke:var(--muted);stroke-width:1;fill:none}
.wash{fill:var(--wash)}
.line{fill:none;stroke:var(--c);stroke-linejoin:round;stroke-linecap:butt}
.band{fill:var(--c);fill-opacity:.16;stroke:none}
.solid{fill:var(--c);stroke:var(--page);stroke-width:1}
.hollow{fill:none;stroke:var(--c);stroke-width:1.75}
.dot{fill:var(--page);stroke:var(--c);stroke-width:1.75}
.edge{fill:var(--c);stroke:var(--page);stroke-width:.75}
.cell{fill:var(--c)}
.cross{stroke:var(--ink);stroke-width:1;visibility:hidden}
.cross.on{visibility:visible}
`
