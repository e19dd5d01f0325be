// Draws the figures of the docs, and the reports beside the committed runs, from results/reference; with --check it fails
// if one of them differs from what is committed. The same runs and the same version give the same bytes. Needs a build.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { reportDocument } from '../build/report/html/document.js'
import { drawingsOf } from '../build/report/html/drawings.js'
import { groupRecords, readRecords } from '../build/report/run-record.js'
import { REPORT } from '../build/runs/run-files.js'

const RUNS = 'results/reference'

/** Figures of the docs: the batch that a file is of, and the id of the figure in its report. */
const FIGURES = {
  'table3.svg': ['table3', 'g1-accuracy'],
  'table3-difference.svg': ['table3', 'g1-difference'],
  'table4.svg': ['table4', 'g1-accuracy'],
  'table4-difference.svg': ['table4', 'g1-difference'],
  'table4-owners.svg': ['table4', 'g1-owners'],
  'table4-confusion.svg': ['table4', 'g1-confusion'],
  'best-v.svg': ['best-v', 'g1-accuracy'],
  'pooled.svg': ['pooled', 'overview'],
  'privacy-owner.svg': ['privacy-owner', 'budgets'],
  'privacy-record.svg': ['privacy-record', 'budgets'],
}

process.chdir(new URL('..', import.meta.url).pathname)

const pages = new Map()
for (const name of readdirSync(RUNS).filter((one) => existsSync(`${RUNS}/${one}/summary.csv`))) {
  pages.set(name, reportDocument(groupRecords(await readRecords([`${RUNS}/${name}`]))))
}
const reports = [...pages].map(([name, page]) => [`${RUNS}/${name}/${REPORT}`, page])
const figures = Object.entries(FIGURES).map(([file, [name, id]]) => {
  const drawing = drawingsOf(pages.get(name)).get(id)
  if (drawing === undefined) throw new Error(`the report of ${name} has no figure ${id}`)
  return [`docs/figures/${file}`, drawing]
})

const differing = [...reports, ...figures].filter(([file, text]) => {
  return !existsSync(file) || readFileSync(file, 'utf8') !== text
})
if (process.argv.includes('--check')) {
  for (const [file] of differing) console.error(`${file} is not what its runs give: run node .ci/figures.mjs`)
  if (differing.length > 0) process.exitCode = 1
} else {
  for (const [file, text] of differing) {
    writeFileSync(file, text)
    console.log(file)
  }
}
