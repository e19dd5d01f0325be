/** The page on paper: light, without what can only be clicked, figures whole. */
export const PRINT_STYLE = `
@media print{
body{font-size:10.5pt}
main,header,footer{max-width:none;padding:0}
.tools,.js .tools,nav,details:not([open]):not(.chapter),.pointer,.tip,.scroll.cut::before{display:none}
figure,section.block{break-inside:avoid;margin-top:18px;padding-top:12px}
figure.matrices,figure.long,section.long,.part{break-inside:auto}
footer,figcaption,section[id$=manifest]>.scroll{break-inside:avoid}
.plot{max-width:155mm}
.plots .plot{break-inside:avoid}
.plots{grid-template-columns:repeat(2,1fr)}
.multiples{grid-template-columns:repeat(4,1fr)}
h2,h3,figcaption{break-after:avoid}
h2{margin-top:0}
details.chapter[open]{break-before:page}
details.chapter>summary{list-style:none}
.scroll{max-height:none;overflow:visible;max-width:none}
table{font-size:8.5pt}
th,td{padding-left:8px;white-space:normal}
thead th{position:static}
[id$=manifest] th,[id$=manifest] td{font-size:7.5pt;white-space:nowrap}
[id$=manifest] code{overflow-wrap:normal}
.paper td,.paper th{min-width:84px;padding-top:4px;padding-bottom:4px}
.paper span{line-height:16px}
.banner{border:1px solid var(--ink);border-left-width:4px}
}
@page{margin:14mm}
`
