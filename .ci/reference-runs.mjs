// The runs of a batch below results/reference, as the tables of the docs read them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'

/** Each with its manifest, the group that its name begins with, and what reads its other files. */
export function referenceRuns(folder) {
  return readdirSync(folder)
    .filter((name) => existsSync(`${folder}/${name}/manifest.json`))
    .map((name) => {
      const has = (file) => existsSync(`${folder}/${name}/${file}`)
      const text = (file) => readFileSync(`${folder}/${name}/${file}`, 'utf8')
      const csv = (file) => parse(text(file), { columns: true })
      const manifest = JSON.parse(text('manifest.json'))
      const group = name.slice(0, name.lastIndexOf(`-s${manifest.config.seed}-`))
      return { manifest, group, has, text, csv }
    })
}
