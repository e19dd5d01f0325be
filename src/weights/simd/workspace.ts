import { simdWorkspace } from './kernels.ts'
import { plainWorkspace, type Workspace } from './sweeps.ts'

let made: Workspace | undefined

/**
 * This thread's workspace, made when its first merge begins. However little memory WebAssembly is to have, it takes
 * several GB of addresses: where the system does not give them (ulimit -v), plain JavaScript serves, to the same bits.
 */
export function workspace(): Workspace {
  made ??= simdOrPlain()
  return made
}

function simdOrPlain(): Workspace {
  try {
    return simdWorkspace()
  } catch {
    return plainWorkspace()
  }
}
