import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sealedManifest } from '../../src/runs/manifest-text.ts'

/** What is said beside figures of runs of before 0.5.0, and of most invented ones. */
export const NO_HASHES = /^(note: fedunify [\d.]+ kept no hashes with this run: .*\n)?/

/** A run's files, as a reader without our code would see them. */
export const readText = (run: string, file: string): string => readFileSync(join(run, file), 'utf8')

export const manifestOf = (run: string) => JSON.parse(readText(run, 'manifest.json'))

/** Another manifest, as a run would have written it. */
export const putManifest = (run: string, manifest: object): void =>
  writeFileSync(join(run, 'manifest.json'), sealedManifest(manifest))

/** Replaces text in a manifest, as if the run had written it so: its digest is that of the new one. */
export function editManifest(run: string, from: string | RegExp, to: string): void {
  const before = readText(run, 'manifest.json')
  const after = before.replace(from, to)
  if (after === before) throw new Error(`${run}: nothing to replace in its manifest`)
  putManifest(run, JSON.parse(after))
}

/** The folders of the runs in that of an experiment. */
export const runFolders = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))

/** What the events say; a torn line would not parse. */
export const eventsOf = (run: string) =>
  readText(run, 'events.jsonl')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** Rows of a CSV by column, as text. */
export function rowsOf(run: string, file: string): Record<string, string>[] {
  const [head = '', ...lines] = readText(run, file).trimEnd().split('\n')
  const columns = head.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [columns[i], cell])))
}

const CSVS = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv']

/** What is wrong with the files that grow, if anything is: each must hold whole lines, all of the same columns. */
export function tornFiles(run: string): string[] {
  const torn = CSVS.filter((file) => {
    if (!existsSync(join(run, file))) return false
    const text = readText(run, file)
    if (text === '') return false
    const widths = text
      .slice(0, -1)
      .split('\n')
      .map((line) => line.split(',').length)
    return !text.endsWith('\n') || new Set(widths).size !== 1
  })
  if (existsSync(join(run, 'events.jsonl'))) {
    const text = readText(run, 'events.jsonl')
    if (text !== '' && !text.endsWith('\n')) torn.push('events.jsonl')
    eventsOf(run)
  }
  return torn
}
