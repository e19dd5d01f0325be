import type { Tensor, Weights } from './weights.ts'

/** Several models by name. */
export type NamedWeights = Readonly<Record<string, Weights>>

/** As one map of tensors, whose names begin with that of their model: no tensor has a slash in its name. */
export const flatten = (models: NamedWeights): Weights =>
  new Map(
    Object.entries(models).flatMap(([name, weights]) =>
      [...weights].map(([tensor, value]): [string, Tensor] => [`${name}/${tensor}`, value]),
    ),
  )

/** The models of such a map; their names may have slashes. */
export function unflatten(tensors: Weights): NamedWeights {
  const models = new Map<string, Map<string, Tensor>>()
  for (const [path, value] of tensors) {
    const at = path.lastIndexOf('/')
    const name = path.slice(0, Math.max(0, at))
    const model = models.get(name) ?? new Map<string, Tensor>()
    models.set(name, model.set(path.slice(at + 1), value))
  }
  return Object.fromEntries(models)
}
