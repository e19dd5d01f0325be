/** The page around the drawings, on a screen. */
export const PAGE_STYLE = `
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 var(--sans);-webkit-text-size-adjust:100%}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h1,h2,h3{line-height:1.25;font-weight:600;text-wrap:balance}
h1{font:600 30px/1.2 var(--serif);margin:0 0 6px}
h2{font:600 24px/1.25 var(--serif);margin:64px 0 4px}
h3{font-size:18px;margin:0 0 12px}
p{margin:0 0 10px;max-width:68ch}
a{color:var(--ink)}
code{font:0.92em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.muted,figcaption p,.sub{color:var(--muted)}
.sub{font-size:14px;margin:2px 0 0;max-width:none}
.banner{border-left:4px solid var(--miss);background:var(--wash);padding:10px 16px;margin:20px 0;max-width:none}
.banner p{margin:0;max-width:90ch}
.live{max-width:1120px;margin:16px auto 0;padding:0 24px}
.live p{border-left:4px solid var(--hit);background:var(--wash);padding:8px 16px;margin:0;max-width:none}
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
.contents{margin-bottom:28px}
.contents ol{columns:3 260px;column-gap:32px;padding:0 0 0 28px;margin:8px 0 0;font-size:14px}
.contents li{break-inside:avoid;padding:1px 0}
figure,section.block{margin:40px 0 0;padding:20px 0 0;border-top:1px solid var(--rule)}
figcaption p,section.block p{font-size:14px}
figcaption{margin-bottom:12px}
.plot{position:relative;max-width:720px}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:24px 28px}
.plots .plot{max-width:400px}
.multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:18px 24px;margin-top:8px}
.multiples a{display:block;text-decoration:none;font-size:13px;line-height:1.3}
.multiples strong{float:right;margin-left:8px;font-variant-numeric:tabular-nums}
svg{display:block}
svg.chart{width:100%;height:auto;overflow:visible}
svg.narrow{display:none}
svg.key{display:inline-block;vertical-align:-1px;margin-right:6px}
.pointer{position:absolute;inset:0;cursor:crosshair;touch-action:pan-y;border-radius:3px}
.tip{position:absolute;z-index:1;pointer-events:none;background:var(--page);border:1px solid var(--muted);border-radius:3px;
padding:8px 10px;font-size:13px;line-height:1.45;white-space:nowrap}
.tip[hidden]{display:none}
.tip table{margin:2px 0 0;font-size:13px}
.tip th,.tip td{padding:0 0 0 12px;border:0;position:static;background:none}
.tip th{padding-left:0;text-align:left;font-weight:400;color:var(--ink)}
:focus-visible{outline:2px solid var(--ink);outline-offset:2px}
.tools{display:none;gap:8px;margin-top:10px;align-items:center}
.js .tools{display:flex}
button{font:13px/1 var(--sans);color:var(--muted);background:none;border:1px solid var(--rule);border-radius:3px;padding:6px 10px;cursor:pointer;min-height:28px}
button:hover{color:var(--ink);border-color:var(--muted)}
button[aria-pressed=true]{color:var(--page);background:var(--muted)}
thead button{font:inherit;color:inherit;border:0;padding:0;min-height:0;text-align:inherit}
thead button::after{content:"";display:inline-block;width:1em;text-align:center}
thead [aria-sort=ascending] button::after{content:"\u2191"}
thead [aria-sort=descending] button::after{content:"\u2193"}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;color:var(--muted);font-size:13px;width:max-content;max-width:100%;padding:3px 0}
details.chapter{margin-top:6px;border-top:2px solid var(--rule);font-size:15px}
details.chapter>summary{font-size:15px;color:var(--ink);width:auto;padding:10px 0}
details.chapter>summary h2{display:inline;font-size:20px}
details.chapter>summary .sub{display:inline;margin-left:12px}
.scroll{overflow:auto;max-height:440px;margin-top:6px;max-width:max-content}
.scroll.cut::before{content:"scroll sideways for more \u2192";position:sticky;left:0;display:block;width:max-content;font-size:12px;color:var(--muted)}
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
footer{margin-top:56px;padding-bottom:40px;color:var(--muted);font-size:13px}
.away{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:639px){
main,header,footer{padding:0 16px}
header{padding-top:24px}
h1{font-size:24px}
svg.narrow{display:block}svg.wide{display:none}
.verdict{grid-template-columns:1fr;row-gap:12px}
.figure-number{font-size:52px}
.verdict p{font-size:17px}
.plots{grid-template-columns:1fr}
.multiples{grid-template-columns:1fr 1fr;gap:14px}
details.chapter>summary .sub{display:block;margin-left:0}
.paper td,.paper th,.paper th:first-child{padding-left:6px;font-size:12.5px;min-width:0;white-space:normal}
.paper th:first-child{padding-left:0}
.paper .key{display:none}
.paper .ours{font-size:13px}
.paper .sd,.paper .theirs,.paper .delta{font-size:11.5px}
}
@media (min-width:1100px){
.side{display:grid;grid-template:auto auto 1fr auto/720px minmax(0,1fr);column-gap:40px;align-items:start}
.side>h3,.side>details{grid-column:1 / -1}
.side>figcaption,.side>.text{grid-column:2;grid-row:2}
figure.side>.plot,section.side>.scroll{grid-column:1;grid-row:2 / span 2;margin-top:0}
figure.side>.tools{grid-column:2;grid-row:3;margin-top:0}
}
`
