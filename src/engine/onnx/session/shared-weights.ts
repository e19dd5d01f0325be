import type { Tensor, Weights } from '../../../weights/weights.ts'

/** Weights in memory that all threads see: a task that names them carries no copy. */
export interface SharedWeights {
  /** Tells them apart from others of this process. */
  readonly id: number
  readonly weights: Weights
}

/** Memory that holds one set of weights after another. */
interface Place {
  readonly shape: string
  readonly tensors: Weights
  held: SharedWeights
  of: WeakRef<Weights>
  /** Tasks that read it. */
  readers: number
}

/**
 * Shares weights with the threads of a pool. A shared buffer lives until every thread has collected its handle on it,
 * and V8 does not count it as a reason to collect: new ones for every model would fill the memory. So the memory of
 * weights that no task reads any more takes the next ones.
 */
export class SharedMemory {
  #last = 0
  readonly #places: Place[] = []

  /** Calls `task` with the weights, which stay as they are until it has ended. */
  lend<T>(weights: Weights, task: (shared: SharedWeights) => Promise<T>): Promise<T> {
    return this.lendAll([weights], ([shared]) => task(shared!))
  }

  /** The same for several; one that is given twice is shared once. */
  async lendAll<T>(all: readonly Weights[], task: (shared: SharedWeights[]) => Promise<T>): Promise<T> {
    const places: Place[] = []
    try {
      for (const weights of all) {
        const place = this.#find(weights)
        // At once: the next one's search must not take it for free.
        place.readers += 1
        places.push(place)
      }
      return await task(places.map(({ held }) => held))
    } finally {
      for (const place of places) place.readers -= 1
    }
  }

  /** All owners of a round train from the same weights: they are shared once. */
  #find(weights: Weights): Place {
    const before = this.#places.find(({ of }) => of.deref() === weights)
    if (before) return before
    const shape = shapeOf(weights)
    const free = this.#places.find((place) => place.readers === 0 && place.shape === shape)
    const place = free ?? this.#add(weights, shape)
    for (const [name, { data }] of weights) place.tensors.get(name)!.data.set(data)
    this.#last += 1
    place.held = { id: this.#last, weights: place.tensors }
    place.of = new WeakRef(weights)
    return place
  }

  #add(weights: Weights, shape: string): Place {
    const tensors = new Map([...weights].map(([name, tensor]) => [name, empty(tensor)]))
    const place = { shape, tensors, held: { id: 0, weights: tensors }, of: new WeakRef(weights), readers: 0 }
    this.#places.push(place)
    return place
  }
}

const shapeOf = (weights: Weights) => [...weights].map(([name, { shape }]) => `${name} ${shape}`).join()

const empty = ({ shape, data }: Tensor): Tensor => ({
  shape,
  data: new Float32Array(new SharedArrayBuffer(data.byteLength)),
})
