// How long a step takes on WebGPU by the size of its batch. `node batches.mjs OUT.csv [--quick]`

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fedunifyRun, GPU_SIDES } from './sides.mjs'

const [out, quick] = process.argv.slice(2)
const [webgpu] = GPU_SIDES
const folder = mkdtempSync(join(tmpdir(), 'fedunify-batches-'))
const lines = ['batch,images,steps,seconds,ms_per_step,images_per_s']
for (const batch of quick ? [64] : [64, 256, 1024]) {
  const run = {
    env: 'H',
    rounds: 2,
    images: quick ? 700 : 14_000,
    batch,
    out: folder,
    name: 'batches',
    'run-id': batch,
  }
  const rounds = await fedunifyRun(webgpu, run, quick ? 600 : 60)
  // The second owner of the second round: everything is warm.
  const { images, seconds } = rounds[1].owners[1]
  const steps = Math.ceil(images / batch)
  const perStep = (1000 * seconds) / steps
  lines.push([batch, images, steps, seconds.toFixed(3), perStep.toFixed(1), Math.round(images / seconds)].join())
}
writeFileSync(out, `${lines.join('\n')}\n`)
console.log(lines.join('\n'))
