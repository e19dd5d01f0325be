import { FedunifyError } from '../errors.ts'
import type { Device, Engine, Layout } from './engine.ts'
import { hasNvidiaGpu } from './nvidia.ts'
import { ENGINES, type EngineEntry, type EngineName } from './registry.ts'

export interface Choice {
  readonly engine: EngineName | 'auto'
  readonly device: Device | 'auto'
  readonly layout: Layout
}

interface Candidate {
  readonly name: EngineName
  readonly device: Device
}

interface Places {
  readonly engines?: Record<string, EngineEntry>
  readonly gpu?: () => Promise<boolean>
}

/**
 * The engine and device to compute with. What is named is taken or refused; `auto` is CUDA if there is an NVIDIA
 * GPU and a library for it, else the CPU, and the engine's note says what kept it from the GPU.
 *
 * @throws FedunifyError (usage) if nothing fits: what is missing for each, and the command that gets it
 */
export async function selectEngine(
  { engine, device, layout }: Choice,
  { engines = ENGINES, gpu = hasNvidiaGpu }: Places = {},
): Promise<Engine> {
  const known = Object.keys(engines) as EngineName[]
  const names = engine === 'auto' ? known : [engine]
  const devices = device === 'auto' ? [...((await gpu()) ? (['cuda'] as const) : []), 'cpu' as const] : [device]
  const fits = (name: EngineName, device: Device) =>
    engines[name]!.devices.includes(device) && engines[name]!.layouts.includes(layout)
  const candidates = devices.flatMap((device) =>
    names.filter((name) => fits(name, device)).map((name): Candidate => ({ name, device })),
  )
  if (candidates.length === 0) {
    const able = known.find((name) => devices.some((d) => fits(name, d)))
    const how = layout === 'auto' ? '' : ` in layout ${layout}`
    const what = `engine ${engine} does not compute on ${device}${how}`
    throw new FedunifyError('E_ENGINE', what, able && `try --engine ${able}`)
  }
  const refused: { why: string; hint: string | undefined }[] = []
  for (const candidate of candidates) {
    try {
      const loaded = await engines[candidate.name]!.load(candidate.device, layout)
      const notes = [...refused.map(({ why }) => why), ...(loaded.note ? [loaded.note] : [])]
      return notes.length === 0 ? loaded : { ...loaded, note: notes.join('; ') }
    } catch (error) {
      if (candidates.length === 1 || !(error instanceof FedunifyError)) throw error
      refused.push({ why: `${candidate.name} on ${candidate.device}: ${error.message}`, hint: error.hint })
    }
  }
  const why = refused.map((r) => r.why).join('; ')
  throw new FedunifyError('E_ENGINE_UNAVAILABLE', `nothing here computes on ${device}: ${why}`, refused[0]?.hint)
}
