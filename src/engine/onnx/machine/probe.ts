import { messageOf } from '../../../errors.ts'
import type { Device } from '../../engine.ts'
import { Graph } from '../graph/graph.ts'
import { createSession } from '../session/create-session.ts'
import { Tensor } from '../session/ort.ts'

// A program of its own (see providers.ts): tries the device that is named with a small addition, and prints what is
// wrong, or nothing.
const g = new Graph('probe')
g.input('x', 'float32', [2])
g.op('Add', ['x', 'x'], {}, ['y'])
g.output('y', 'float32', [2])
try {
  const session = await createSession(g.model(18, 10), process.argv[2] as Device)
  const { y } = await session.run({ x: new Tensor('float32', [1, 2], [2]) })
  if ((await y!.getData())[1] !== 4) throw new Error('it computes wrongly')
  await session.release()
} catch (error) {
  process.stdout.write(messageOf(error))
}
