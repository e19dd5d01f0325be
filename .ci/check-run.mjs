// Checks the CSVs of CI's one-round run on 7,000 real images, env H.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'

const [dir] = process.argv.slice(2)
const csv = (name) => parse(readFileSync(join(dir, name)), { columns: true })
const between = (what, value, low, high) => {
  assert.ok(Number(value) >= low && Number(value) <= high, `${what} is ${value}, expected ${low} to ${high}`)
}

const manifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'))
assert.equal(manifest.status, 'finished')
const images = manifest.shards.flatMap(({ train, test }) => [train, test]).reduce((a, b) => a + b, 0)
assert.equal(images, 7000)

const local = csv('local.csv')
assert.deepEqual(
  local.map(({ round, owner }) => `${round}/${owner}`),
  ['1/1', '1/2'],
)
for (const row of local) between(`local accuracy of owner ${row.owner}`, row.local_accuracy, 0.5, 1)

const unified = csv('unified.csv')
assert.deepEqual(
  unified.map(({ merge, owners }) => `${merge}/${owners}`),
  ['avg/2', 'max/2', 'absmax/2'],
)
between('unified accuracy of avg', unified[0].accuracy, 0.2, 1)

const [row] = csv('table.csv')
assert.deepEqual(Object.keys(row), ['epoch', 'local_1', 'local_2', 'avg', 'max', 'absmax'])
assert.equal(row.avg, (100 * Number(unified[0].accuracy)).toFixed(2))

const traffic = csv('traffic.csv')
assert.deepEqual(
  traffic.map(({ round, owner }) => `${round}/${owner}`),
  ['1/1', '1/2'],
)
// The model that all begin with, and one of each merge rule; each has the update's tensors.
for (const { down_bytes, up_bytes } of traffic) assert.equal(Number(down_bytes), 4 * Number(up_bytes))
console.log(`real data: avg ${row.avg} %, local ${row.local_1} and ${row.local_2} % after one round on 7,000 images`)
