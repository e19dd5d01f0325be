/** Colours of both themes; each text colour has a contrast of 4.5 or more on `--page`, each line colour of 3. */
export const THEMES = {
  light: {
    page: '#fdfdfb',
    ink: '#1a1d20',
    muted: '#5a6168',
    rule: '#d9dad5',
    wash: '#f1f2ee',
    c1: '#0b5fa5',
    c2: '#c2440c',
    c3: '#00775c',
    c4: '#8a3b90',
    c5: '#7d5c00',
    c6: '#4b4bc4',
    local: '#6e757c',
    pooled: '#1a1d20',
    hit: '#0b5fa5',
    miss: '#b83a08',
    over: '#ffffff',
  },
  dark: {
    page: '#14171a',
    ink: '#e8e7e3',
    muted: '#a4aab0',
    rule: '#343a40',
    wash: '#1d2125',
    c1: '#67b5f3',
    c2: '#ff9766',
    c3: '#41c79d',
    c4: '#dc9fe0',
    c5: '#dcb84f',
    c6: '#a9adff',
    local: '#8d949b',
    pooled: '#e8e7e3',
    hit: '#67b5f3',
    miss: '#ff9766',
    over: '#0c0e10',
  },
} as const

/** Opacity of the steps of a shaded cell; the last three carry text in `--over`, the others in `--ink`. */
export const SHADES = [0, 0.06, 0.12, 0.2, 0.28, 0.36, 0.45, 0.87, 0.94, 1] as const
/** The first step that is dark enough for `--over`. */
export const DEEP = 7

const variables = (theme: Readonly<Record<string, string>>) =>
  Object.entries(theme)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';')

const colors = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'local', 'pooled', 'hit', 'miss']
  .map((name) => `.${name}{--c:var(--${name})}`)
  .join('')

const shades = SHADES.map((opacity, i) => `.s${i}{fill-opacity:${opacity}}`).join('')

/**
 * The whole stylesheet. `light` on the root element is what an export draws with, and paper is always light; a class
 * and no style attribute anywhere, since the page's policy allows this sheet alone.
 */
export const STYLE = `
:root{color-scheme:light dark;${variables(THEMES.light)};
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--serif:Charter,"Bitstream Charter","Iowan Old Style","Palatino Linotype",Georgia,"Liberation Serif",serif}
@media screen and (prefers-color-scheme:dark){:root:not(.light){${variables(THEMES.dark)}}}
${colors}${shades}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 var(--sans);-webkit-text-size-adjust:100%}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h1,h2,h3{line-height:1.25;font-weight:600;text-wrap:balance}
h1{font:600 15px/1.4 var(--sans);margin:0}
h2{font:600 24px/1.25 var(--serif);margin:64px 0 4px}
h3{font-size:16px;margin:0 0 4px}
p{margin:0 0 10px;max-width:68ch}
a{color:var(--c1)}
code{font:0.92em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.muted,figcaption p,.sub{color:var(--muted)}
.sub{font-size:14px;margin:2px 0 0;max-width:none}
.banner{border-left:4px solid var(--c2);background:var(--wash);padding:10px 16px;margin:20px 0;max-width:none}
.banner p{margin:0;max-width:90ch}
.verdict{display:grid;grid-template-columns:auto minmax(0,1fr);column-gap:32px;align-items:center;
border-top:2px solid var(--ink);border-bottom:1px solid var(--rule);padding:20px 0 18px;margin:20px 0 0}
.figure-number{font:600 60px/1 var(--serif);font-variant-numeric:lining-nums tabular-nums;letter-spacing:-.02em;white-space:nowrap}
.figure-number small{font-size:.45em;font-weight:400;letter-spacing:0;margin-left:.15em}
.verdict p{font:19px/1.45 var(--serif);margin:0;max-width:60ch;text-wrap:pretty}
.verdict .spread{font:13px/1.3 var(--sans);color:var(--muted);display:block;margin-top:6px;letter-spacing:0}
.facts{display:flex;flex-wrap:wrap;gap:6px 36px;margin:14px 0 0;padding:0}
.facts div{display:flex;gap:8px;align-items:baseline}
.facts dt{color:var(--muted);font-size:13px}
.facts dd{margin:0;font-variant-numeric:tabular-nums}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;padding:0;margin:20px 0 0}
figure,section.block{margin:40px 0 0;padding:20px 0 0;border-top:1px solid var(--rule)}
figcaption p,section.block p{font-size:14px}
figcaption{margin-bottom:12px}
.plot{position:relative;max-width:720px}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:24px 28px}
.plots .plot{max-width:400px}
svg{display:block}
svg.chart{width:100%;height:auto;overflow:visible}
svg.narrow{display:none}
svg.key{display:inline-block;vertical-align:-1px;margin-right:6px}
svg text{font-family:var(--sans);font-size:12px;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick,svg .legend,svg .name{fill:var(--muted)}
svg .small{font-size:10.5px}
svg .tiny{font-size:9.5px}
svg .strong{font-weight:600}
svg .ink{fill:var(--c)}
svg .over{fill:var(--over)}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.axis{stroke:var(--muted);stroke-width:1;fill:none}
.lead{stroke:var(--muted);stroke-width:.75;stroke-dasharray:1 2;fill:none}
.wash{fill:var(--wash)}
.line{fill:none;stroke:var(--c);stroke-linejoin:round;stroke-linecap:butt}
.band{fill:var(--c);fill-opacity:.16;stroke:none}
.solid{fill:var(--c);stroke:var(--page);stroke-width:1}
.hollow{fill:none;stroke:var(--c);stroke-width:1.75}
.cell{fill:var(--c)}
.cross{stroke:var(--ink);stroke-width:1;visibility:hidden}
.cross.on{visibility:visible}
.pointer{position:absolute;inset:0;cursor:crosshair;touch-action:pan-y;border-radius:3px}
.tip{position:absolute;z-index:1;pointer-events:none;background:var(--page);border:1px solid var(--muted);border-radius:3px;
padding:8px 10px;font-size:13px;line-height:1.45;white-space:nowrap}
.tip[hidden]{display:none}
.tip table{margin:2px 0 0;font-size:13px}
.tip th,.tip td{padding:0 0 0 12px;border:0;position:static;background:none}
.tip th{padding-left:0;text-align:left;font-weight:400;color:var(--ink)}
:focus-visible{outline:2px solid var(--c1);outline-offset:2px}
.tools{display:none;gap:8px;margin-top:10px;align-items:center}
.js .tools{display:flex}
button{font:13px/1 var(--sans);color:var(--muted);background:none;border:1px solid var(--rule);border-radius:3px;padding:6px 10px;cursor:pointer;min-height:28px}
button:hover{color:var(--ink);border-color:var(--muted)}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;color:var(--muted);font-size:13px;width:max-content;max-width:100%;padding:3px 0}
.scroll{overflow-x:auto;max-height:440px;overflow-y:auto;margin-top:6px;max-width:max-content}
table{border-collapse:collapse;font-variant-numeric:tabular-nums lining-nums;font-size:13.5px}
th,td{text-align:right;padding:4px 0 4px 20px;border-bottom:1px solid var(--rule);white-space:nowrap;vertical-align:baseline}
th:first-child,td:first-child{padding-left:0;text-align:left}
thead th{font-weight:600;position:sticky;top:0;background:var(--page);vertical-align:bottom}
tbody th{font-weight:400}
td.text,th.text{text-align:left;white-space:normal;min-width:12ch}
.paper td,.paper th{vertical-align:top;padding-top:8px;padding-bottom:8px;min-width:92px}
.paper th:first-child{min-width:104px}
.paper thead th{vertical-align:bottom;padding-top:0}
.paper span{display:block;line-height:20px}
.paper .ours{font-weight:600;font-size:15px}
.paper .sd,.paper .theirs{color:var(--muted);font-size:13px}
.paper .delta{font-size:13px}
.columns{columns:2 300px;column-gap:48px;margin-top:24px}
.columns dl,.sheet{margin:0}
.pair{display:grid;grid-template-columns:minmax(9ch,19ch) minmax(0,1fr);gap:12px;padding:3px 0;border-bottom:1px solid var(--rule);
font-size:13.5px;break-inside:avoid}
.pair dt{color:var(--muted)}
.pair dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.columns h4{font-size:13.5px;margin:0 0 4px;break-after:avoid}
.part{break-inside:avoid;margin-bottom:20px}
.changed{font-weight:600}
footer{margin-top:56px;padding-bottom:40px;color:var(--muted);font-size:13px}
.away{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:639px){
main,header,footer{padding:0 16px}
header{padding-top:24px}
svg.narrow{display:block}svg.wide{display:none}
.verdict{grid-template-columns:1fr;row-gap:12px}
.figure-number{font-size:52px}
.verdict p{font-size:17px}
.plots{grid-template-columns:1fr}
.paper td,.paper th,.paper th:first-child{padding-left:6px;font-size:12.5px;min-width:0;white-space:normal}
.paper th:first-child{padding-left:0}
.paper .key{display:none}
.paper .ours{font-size:13px}
.paper .sd,.paper .theirs,.paper .delta{font-size:11.5px}
}
@media (min-width:1100px){
.side{display:grid;grid-template:auto 1fr/720px minmax(0,1fr);column-gap:40px;align-items:start}
.side>figcaption,.side>.text{grid-column:2;grid-row:1;margin-top:2px}
section.side>.scroll{grid-column:1;grid-row:1 / span 2;margin-top:0}
figure.side>.plot{grid-column:1;grid-row:1 / span 2}
figure.side>.tools{grid-column:2;grid-row:2}
figure.side>details{grid-column:1 / -1}
}
@media print{
body{font-size:10.5pt}
main,header,footer{max-width:none;padding:0}
.tools,.js .tools,nav,details:not([open]),.pointer,.tip{display:none}
figure,section.block{break-inside:avoid;margin-top:24px}
figure.matrices,figure.long,section.long,.part{break-inside:auto}
footer,figcaption,section[id$=manifest]>.scroll{break-inside:avoid}
.plots .plot{break-inside:avoid}
.plots{grid-template-columns:repeat(2,1fr)}
h2,h3,figcaption{break-after:avoid}
h2{margin-top:0}
main>section[id^=g]:not(.block){break-before:page}
.scroll{max-height:none;overflow:visible;max-width:none}
table{font-size:8.5pt}
th,td{padding-left:8px;white-space:normal}
[id$=manifest] th,[id$=manifest] td{font-size:7.5pt;white-space:nowrap}
[id$=manifest] code{overflow-wrap:normal}
.paper td,.paper th{min-width:84px;padding-top:4px;padding-bottom:4px}
.paper span{line-height:16px}
.banner{border:1px solid var(--ink);border-left-width:4px}
}
@page{margin:14mm}
`
