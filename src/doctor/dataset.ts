import { ask } from '../data/fashion-mnist/ask.ts'
import { PLACES, type Places } from '../data/fashion-mnist/fetch.ts'
import { IDX_NAMES } from '../data/fashion-mnist/known-files.ts'
import { verifyFashionMnist } from '../data/fashion-mnist/verify.ts'
import { listFolder } from '../data/idx-folder.ts'
import type { Finding } from './finding.ts'

/** A mirror that does not answer for this long counts as out of reach, in milliseconds. */
const PATIENCE = 1500

/**
 * Whether a run would find Fashion-MNIST, whole and unchanged, or could fetch it.
 * @param dir the folder given with --data: then no other is looked at
 */
export async function checkDataset(dir: string | undefined, given: Partial<Places> = {}): Promise<Finding> {
  const places = { ...PLACES, ...given }
  for (const folder of dir === undefined ? [places.cache, places.system] : [dir]) {
    const { lack } = await listFolder(folder)
    if (!lack) return await verified(folder, dir !== undefined, places)
    if (dir !== undefined) return problem(`${dir}: ${lack}`, 'fedunify data fetch')
  }
  const mirror = await answering(places.mirrors)
  const fix = 'fedunify data fetch'
  if (mirror === undefined) return problem('not on this machine, and none of its mirrors answers', fix)
  const host = new URL(mirror).host
  return { subject: 'dataset', status: 'warning', detail: `not here yet: a run fetches it from ${host} (30 MB)`, fix }
}

async function verified(folder: string, given: boolean, { known, cache }: Places): Promise<Finding> {
  const wrong = (await verifyFashionMnist(folder, known)).find(({ ok }) => !ok)
  if (!wrong) return { subject: 'dataset', status: 'ok', detail: `Fashion-MNIST in ${folder}, SHA-256 verified` }
  const fix = given ? `fedunify run --dataset idx --data ${folder}` : 'fedunify data fetch --force'
  const shortened = wrong.problem?.replace(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, '$1…')
  // A fetched copy goes to the cache, which is looked at first: that mends a wrong system folder too.
  const note = given || folder === cache ? '' : ' (the system’s copy)'
  return problem(`${folder}: ${wrong.name}: ${shortened}${note}`, fix)
}

const problem = (detail: string, fix: string): Finding => ({
  subject: 'dataset',
  status: 'problem',
  detail,
  fix,
  data: true,
})

/** The first mirror that has the files, without fetching them. */
async function answering(mirrors: readonly string[]): Promise<string | undefined> {
  const reach = async (mirror: string): Promise<string> => {
    const response = await ask('HEAD', `${mirror}${IDX_NAMES[1]}.gz`, AbortSignal.timeout(PATIENCE))
    response.destroy()
    if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`)
    return mirror
  }
  return await Promise.any(mirrors.map(reach)).catch(() => undefined)
}
