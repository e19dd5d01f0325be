// What masks cost in a round, on one core. Prints a JSON line.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { publicKey, rawPublic, secretKey } from '../build/privacy/masks/curve.js'
import { fixedPointFor, toFixed } from '../build/privacy/masks/fixed-point.js'
import { JoinedRounds } from '../build/privacy/masks/joined-rounds.js'
import { MaskedOwner } from '../build/privacy/masks/masked-owner.js'
import { MaskedSum } from '../build/privacy/masks/masked-sum.js'
import { systemRandom } from '../build/privacy/randomness.js'

const seconds = (of) => {
  const began = performance.now()
  const value = of()
  return { value, seconds: Number(((performance.now() - began) / 1000).toFixed(3)) }
}

/**
 * @param owners in the sum
 * @param weights of a model
 * @returns seconds of one owner (its key, the signatures of the others, whole numbers, the masks of all pairs) and of the
 *   server (all vectors added); bytes of an owner's vector, and of its key with its signature
 */
export function measure({ owners, weights }) {
  const secrets = Array.from({ length: owners }, () => secretKey('ed25519', systemRandom().bytes(32)))
  const identities = new Map(secrets.map((secret, i) => [i + 1, publicKey('ed25519', rawPublic(secret))]))
  const list = secrets.map((_, i) => ({ owner: i + 1, images: 600 }))
  const round = { run: 'bench', round: 1, attempt: 0, owners: list }
  const join = (secret, i) => {
    const who = { owner: i + 1, identity: secret, identities, joined: new JoinedRounds(i + 1) }
    return new MaskedOwner(who, round, systemRandom())
  }
  const joined = secrets.map(join)
  const changes = Float64Array.from({ length: weights }, (_, i) => Math.sin(i) / 100)
  const words = new Uint32Array(weights)
  const joining = seconds(() => join(secrets[0], 0))
  const keys = joined.map(({ key }, i) => (i === 0 ? joining.value.key : key))
  const sealing = seconds(() => {
    toFixed(changes, words, fixedPointFor(owners, 4))
    return joining.value.seal(words, keys)
  })
  const sum = new MaskedSum(round, weights)
  const adding = seconds(() => {
    for (const { owner } of list) sum.add(owner, sealing.value)
    sum.finish()
  })
  return {
    owners,
    weights,
    owner_s: Number((joining.seconds + sealing.seconds).toFixed(3)),
    server_s: adding.seconds,
    vector_bytes: words.byteLength,
    key_bytes: Buffer.byteLength(JSON.stringify(keys[0])),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { owners: { type: 'string' }, weights: { type: 'string' } } })
  console.log(JSON.stringify(measure({ owners: Number(values.owners), weights: Number(values.weights) })))
}
