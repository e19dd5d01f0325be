import { ask } from '../data/fashion-mnist/ask.ts'
import { DEBIAN_PACKAGE, debianAddress } from '../data/fashion-mnist/debian.ts'
import { downloadSize } from '../data/fashion-mnist/fetch.ts'
import { IDX_NAMES } from '../data/fashion-mnist/known-files.ts'
import { findFolder } from '../data/fashion-mnist/locate.ts'
import { type Access, isOffline, type Places, placesOf } from '../data/fashion-mnist/places.ts'
import { replaceCommand, verifyFashionMnist } from '../data/fashion-mnist/verify.ts'
import { listFolder } from '../data/idx-folder.ts'
import { dataSize } from '../format.ts'
import { shellWord } from '../system/shell-word.ts'
import type { Finding } from './finding.ts'

/** A source that does not answer for this long counts as out of reach, in milliseconds. */
const PATIENCE = 1500

/**
 * Whether a run would find Fashion-MNIST, whole and unchanged, or could fetch it.
 * @param dir the folder given with --data: then no other is looked at
 */
export async function checkDataset(dir: string | undefined, access: Access = {}): Promise<Finding> {
  const places = placesOf(access)
  if (dir !== undefined) {
    const { lack } = await listFolder(dir)
    if (lack) return problem(`${dir}: ${lack}`, `fedunify data fetch ${shellWord(dir)}`)
    return await verified(dir, places, `fedunify run --dataset idx --data ${shellWord(dir)}`)
  }
  const looked = await findFolder(places)
  if ('dir' in looked) {
    const { system } = places
    // A fetched copy goes to the cache, which is looked at first: that mends a wrong system folder too.
    const fix = looked.dir === system ? replaceCommand(places.cache) : replaceCommand(looked.dir)
    return await verified(looked.dir, places, fix)
  }
  if (isOffline(access)) {
    return problem('not on this machine, and nothing may be fetched', 'FEDUNIFY_OFFLINE=0 fedunify data fetch')
  }
  const source = await answering(places)
  if (source === undefined) {
    return problem('not on this machine, and no place to fetch it from answers', 'fedunify run --data ITS_FOLDER')
  }
  const size = dataSize(downloadSize(IDX_NAMES, places))
  const detail = `not here yet: a run fetches it from ${source} (${size})`
  return { subject: 'dataset', status: 'warning', detail, fix: 'fedunify data fetch' }
}

async function verified(folder: string, { known }: Places, fix: string): Promise<Finding> {
  const wrong = (await verifyFashionMnist(folder, known)).find(({ ok }) => !ok)
  if (!wrong) return { subject: 'dataset', status: 'ok', detail: `Fashion-MNIST in ${folder}, SHA-256 verified` }
  const shortened = wrong.problem?.replace(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, '$1…')
  return problem(`${folder}: ${wrong.name}: ${shortened}`, fix)
}

const problem = (detail: string, fix: string): Finding => ({
  subject: 'dataset',
  status: 'problem',
  detail,
  fix,
  data: true,
})

/** The first place that a run could fetch from, in the order in which it would try them; nothing is fetched. */
async function answering({ mirrors, debian, run }: Places): Promise<string | undefined> {
  const mirror = async (address: string): Promise<string> => {
    await reach(`${address}${IDX_NAMES[1]}.gz`)
    return new URL(address).host
  }
  const found = await Promise.any(mirrors.map(mirror)).catch(() => undefined)
  if (found !== undefined || !debian) return found
  try {
    const address = await debianAddress(run, AbortSignal.timeout(PATIENCE))
    if (address !== undefined) await reach(address)
    return `Debian's archive, package ${DEBIAN_PACKAGE}`
  } catch {
    return undefined
  }
}

/** @throws Error if there is no answer, or another than that it is there */
async function reach(address: string): Promise<void> {
  const response = await ask('HEAD', address, AbortSignal.timeout(PATIENCE))
  response.destroy()
  if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`)
}
