// One owner of the tests' process cohort: it loads its data itself, and answers frames on stdin with frames on stdout.
import { OBJECTIVES } from '../../build/algorithm/objective/registry.js'
import { frame, frames, unflat } from './frames.mjs'
import { stateful } from './stateful-objective.mjs'

OBJECTIVES.stateful = stateful
const { prepareRun } = await import('../../build/run/prepare.js')
const { openLearner } = await import('../../build/run/participants.js')
const { ownerSettings } = await import('../../build/run/owners.js')
const { ShardOwner } = await import('../../build/federation/owner.js')
const { updateTensors } = await import('../../build/federation/tensors.js')
const { decodeSafetensors, encodeSafetensors } = await import('../../build/weights/safetensors.js')

let owner
const models = new Map()
const weightsIn = (body) => decodeSafetensors(body, 'a frame').weights
const plain = (evaluation) => ({ ...evaluation, confusion: [...evaluation.confusion] })

const ANSWERS = {
  async begin({ owner: number, experiment }) {
    const run = await prepareRun(experiment)
    const shard = run.shards.find((one) => one.owner === number)
    owner = new ShardOwner(shard, await openLearner(run, 1), ownerSettings(run, shard))
    return [owner.card]
  },
  model({ model }, body) {
    models.set(model, weightsIn(body))
    return [{}]
  },
  async train({ id, model, ...task }, body) {
    const received = model === undefined ? undefined : models.get(model)
    const given = { ...task, instruction: body.length > 0 ? unflat(weightsIn(body)) : {} }
    const report = (progress) => process.stdout.write(frame({ id, progress }))
    const { weights, sent, received: scored, local, ...trained } = await owner.train(received, given, report)
    const head = {
      trained: { ...trained, ...(local && { local: plain(local) }) },
      ...(scored && { received: plain(scored) }),
    }
    return [head, encodeSafetensors(updateTensors({ weights, sent }))]
  },
  async evaluate({ model }) {
    return [{ evaluation: plain(await owner.evaluate(models.get(model))) }]
  },
}

for await (const { head, body } of frames(process.stdin)) {
  const { id, what } = head
  Promise.resolve(ANSWERS[what](head, body)).then(
    ([answer, bytes]) => process.stdout.write(frame({ id, ...answer }, bytes)),
    (error) => process.stdout.write(frame({ id, error: error.message })),
  )
}
