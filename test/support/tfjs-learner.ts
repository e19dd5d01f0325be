import { onTestFinished } from 'vitest'
import type { Learner, LearnerJob } from '../../src/engine/engine.ts'
import { loadTfjs } from '../../src/engine/tfjs/tfjs-engine.ts'
import { job } from './learner.ts'

/** A learner of the TensorFlow.js engine on this machine's CPU, closed when the test ends. */
export async function openTfjs(given: Partial<LearnerJob> = {}): Promise<Learner> {
  const engine = await loadTfjs('cpu')
  const learner = await engine.open(job(given))
  onTestFinished(() => learner.close())
  return learner
}
