import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { tidy } from '../../src/system/memory.ts'

const MIB = 2 ** 20

it('leaves few buffers lying outside the heap', async () => {
  const outside = () => process.memoryUsage().arrayBuffers
  tidy()
  const before = outside()
  let most = 0
  for (let i = 0; i < 300; i++) {
    new Uint8Array(MIB).fill(i)
    await setImmediate()
    tidy()
    most = Math.max(most, outside() - before)
  }
  expect(most).toBeLessThan(20 * MIB)
})
