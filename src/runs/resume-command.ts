import { shellWord } from '../system/shell-word.ts'
import { type Manifest, OWNERS_DATA } from './run-description.ts'

/** The command by which an unfinished run goes on: one of owners on machines of their own has no data here. */
export function resumeCommand(path: string, { dataset }: Pick<Manifest, 'dataset'>): string {
  const program = dataset.source === OWNERS_DATA ? 'serve --federation FOLDER' : 'run'
  return `fedunify ${program} --resume ${shellWord(path)}`
}
