import { listSupportedBackends } from 'onnxruntime-node'

/** The execution providers that onnxruntime knows on this platform, and whether its package brings them. */
export function providers(): readonly { readonly name: string; readonly bundled: boolean }[] {
  return listSupportedBackends()
}
