// The rate of onnxruntime's matrix product [N, N] x [N, N] on one thread. Started by peak.mjs.

import { Graph } from '../build/engine/onnx/graph/graph.js'
import { createSession } from '../build/engine/onnx/session/create-session.js'
import { Tensor } from '../build/engine/onnx/session/ort.js'

const N = 768
const SAMPLES = 20

const g = new Graph('product')
g.op('MatMul', [g.input('a', 'float32', [N, N]), g.input('b', 'float32', [N, N])], {}, ['c'])
g.output('c', 'float32', [N, N])
const session = await createSession(g.model(13, 7))
const matrix = () =>
  new Tensor(
    'float32',
    Float32Array.from({ length: N * N }, (_, i) => 1 / (1 + (i % 97))),
    [N, N],
  )
const feeds = { a: matrix(), b: matrix() }

const gflops = []
for (let sample = 0; sample < SAMPLES; sample++) {
  const begin = performance.now()
  await session.run(feeds)
  gflops.push(Number(((2 * N ** 3) / (performance.now() - begin) / 1e6).toFixed(1)))
}
await session.release()
console.log(JSON.stringify({ gflops }))
