import { parseYaml } from './yaml.ts'

/** Bytes that a file of an experiment or of expectations may have, and characters that a value may. */
export const MOST = 100_000

/** A value on one line, as YAML. @throws FedunifyError (usage) with its place */
export const parseValue = (text: string, place: string): unknown =>
  parseYaml(text, { most: MOST, what: 'value', place: () => place }).value
