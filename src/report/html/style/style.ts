import { CHART_STYLE } from './chart-style.ts'
import { PAGE_STYLE } from './page-style.ts'
import { PRINT_STYLE } from './print-style.ts'
import { SANS, THEMES, variables } from './theme.ts'

const SERIF = 'Charter,"Bitstream Charter","Iowan Old Style","Palatino Linotype",Georgia,"Liberation Serif",serif'

/**
 * The whole stylesheet. `light` on the root element is what an export draws with, and paper is always light; a class
 * and no style attribute anywhere, since the page's policy allows this sheet alone.
 */
export const STYLE = `
:root{color-scheme:light dark;${variables(THEMES.light)};--sans:${SANS};--serif:${SERIF}}
@media screen and (prefers-color-scheme:dark){:root:not(.light){${variables(THEMES.dark)}}}
${PAGE_STYLE}${CHART_STYLE}${PRINT_STYLE}`

/** The stylesheet of a drawing in a file of its own. */
export const FILE_STYLE = `svg{${variables(THEMES.light)};--sans:${SANS};background:var(--page)}
@media (prefers-color-scheme:dark){svg{${variables(THEMES.dark)}}}${CHART_STYLE}`
