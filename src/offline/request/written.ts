import { plain } from '../../config/show.ts'
import { FedunifyError } from '../../errors.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 }

/**
 * Bytes as people write them: 500MB, 2GB, 1.5 GB, in powers of ten.
 * @throws FedunifyError (usage)
 */
export function sizeOf(text: string, place: string): number {
  const [, number, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]b)?\s*$/i.exec(text) ?? []
  const bytes = Math.floor(Number(number) * UNITS[unit.toLowerCase()]!)
  if (bytes >= 1) return bytes
  throw new FedunifyError('E_OPTION', `${place}: expected a size, got "${plain(text)}"`, 'for example 2GB')
}

/**
 * A weight for each model: `1,2`; 1 for each if none are named.
 * @throws FedunifyError (usage)
 */
export function weightsOf(text: string | undefined, models: number): number[] {
  if (text === undefined) return Array.from({ length: models }, () => 1)
  const weights = text.split(',').map((word) => (word.trim() === '' ? Number.NaN : Number(word)))
  if (!weights.every((weight) => weight > 0 && Number.isFinite(weight))) {
    const message = `--weights: expected numbers above 0, got "${plain(text)}"`
    throw new FedunifyError('E_OPTION', message, 'for example --weights 1,2')
  }
  if (weights.length === models) return weights
  const message = `--weights: ${weights.length} for ${models} ${models === 1 ? 'model' : 'models'}`
  throw new FedunifyError('E_OPTION', message, 'name one for each model, in their order')
}
