import { FedunifyError } from '../../../errors.ts'
import type { Device, Engine, Layout } from '../../engine.ts'
import { onnxEngine } from '../session/onnx-engine.ts'
import { findBlocked } from './find-blocked.ts'
import { requireProvider } from './providers.ts'
import { loadRuntime } from './runtime.ts'

/**
 * onnxruntime on a device, with its channels in the layout that is asked for.
 * @throws FedunifyError (usage) naming what the device or the layout lacks here
 */
export async function loadOnnx(device: Device, layout: Layout): Promise<Engine> {
  if (device !== 'cpu') {
    if (layout === 'blocked') throw new FedunifyError('E_ENGINE', `layout blocked is for the CPU, not for ${device}`)
    await requireProvider(device)
    return onnxEngine({ device })
  }
  if (layout === 'standard') {
    loadRuntime()
    return onnxEngine({ device })
  }
  const found = await findBlocked()
  if ('block' in found) return onnxEngine({ device, ...found })
  if (layout === 'blocked') throw new FedunifyError('E_ENGINE', `layout blocked: ${found.why}`, 'use --layout auto')
  return { ...onnxEngine({ device }), note: `slower than it could be: ${found.why}` }
}
