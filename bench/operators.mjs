// What each operator of a training step costs on one thread, by the runtime's own profile, as one JSON line.
// Speaks as children.mjs asks for. Started by the suite `operators`.

import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBlocked } from '../build/engine/onnx/machine/find-blocked.js'
import { openSteps } from '../build/engine/onnx/machine/some-steps.js'
import { InferenceSession } from '../build/engine/onnx/session/ort.js'
import { buildModel } from '../build/model/model.js'
import { presetLayers } from '../build/model/presets.js'
import { median } from './figures.mjs'
import { GROUPS, groupOf } from './operator-groups.mjs'

const [batch, steps, microBatch] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'fedunify-operators-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

// The engine's own sessions, but for the profile.
let session
const { create } = InferenceSession
InferenceSession.create = async (model, options) => {
  const profiled = { ...options, enableProfiling: true, profileFilePrefix: join(folder, 'steps') }
  session = await create.call(InferenceSession, model, profiled)
  return session
}

const { block } = await findBlocked()
const model = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)
const { run } = await openSteps(model, { steps, batch }, { block, batch, ...(microBatch > 0 && { microBatch }) })
console.log('ready')
await once(process.stdin, 'data')
await run()
session.endProfiling()

const times = new Map()
for (const { cat, name, dur, args } of JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'))) {
  if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue
  const time = times.get(name) ?? { args, durations: [] }
  time.durations.push(dur)
  times.set(name, time)
}
const microseconds = Object.fromEntries(Object.keys(GROUPS).map((key) => [key, 0]))
let operators = 0
for (const { args, durations } of times.values()) {
  // What runs once a chunk is no part of a step.
  if (durations.length < steps) continue
  microseconds[groupOf(args)] += median(durations)
  operators += 1
}
console.log(JSON.stringify({ microseconds, operators }))
process.stdin.destroy()
