import { stat } from 'node:fs/promises'

/** Where what is made of runs goes by itself: into the folder that was named, or for a glob into the first run. */
export async function firstFolder(named: string, [first]: readonly { readonly path: string }[]): Promise<string> {
  const isFolder = await stat(named).then(
    (info) => info.isDirectory(),
    () => false,
  )
  return isFolder ? named : first!.path
}
