import { spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { encodeHeader } from '../../build/weights/safetensors/header.js'
import { alone, file } from '../children.mjs'
import { inFolder } from '../folder.mjs'
import { inTurns } from '../turns.mjs'

/** Values of a tensor: 64 MiB of them. */
const VALUES = 2 ** 24

/**
 * `fedunify merge` of two files beside copying both into one, `cat A B > C`, which is then flushed to the disk (`sync C`)
 * as fedunify flushes what it writes. Both are timed as processes, from their start; they take turns, the files are in
 * the system's cache, and what is written is removed before each.
 */
export const offline = {
  name: 'offline',
  about: 'fedunify merge of two files of 1 GB beside cat A B > C with fsync, and its memory',
  async measure({ quick, times, pin, note }) {
    const bytes = quick ? 2e8 : 1e9
    const samples = { merge: [], copy: [], mib: [] }
    await inFolder(async (folder) => {
      const at = (name) => join(folder, name)
      const [a, b] = ['a.safetensors', 'b.safetensors'].map((name) => writeModel(at(name), bytes))
      const copied = at('copied')
      const merged = at('merged.safetensors')
      const ways = {
        async merge() {
          const command = [process.execPath, file('timed-command.mjs'), 'merge', a, b, '-o', merged]
          const { seconds, mib } = await alone(pin(2, command))
          samples.merge.push(seconds)
          samples.mib.push(mib)
        },
        async copy() {
          const [program, ...args] = pin(2, ['sh', '-c', 'cat "$0" "$1" > "$2" && sync "$2"', a, b, copied])
          const began = performance.now()
          if (spawnSync(program, args).status !== 0) throw new Error('cat failed')
          samples.copy.push((performance.now() - began) / 1000)
        },
      }
      for (const [way, turn] of inTurns(Object.keys(ways), times(7, 2))) {
        for (const path of [copied, merged, `${merged}.card.json`]) rmSync(path, { force: true })
        await ways[way]()
        note(`${turn}: ${way}: ${samples[way].at(-1).toFixed(2)} s`)
      }
    })
    const series = (key, name, unit, more) => ({ key, name: `offline: ${name}`, unit, values: samples[key], ...more })
    return {
      settings: { bytes, tensor_values: VALUES },
      series: [
        series('merge', 'fedunify merge A B', 's', { digits: 2 }),
        series('copy', 'cat A B > C, sync C', 's', { digits: 2 }),
        series('mib', 'peak memory of the merge', 'MiB', { digits: 0, target: { atMost: 286 } }),
      ],
      ratios: [
        { key: 'merge_to_copy', name: 'offline: merge / copy', over: 'merge', under: 'copy', target: { atMost: 1.5 } },
      ],
    }
  },
}

/** A model of so many bytes, whose values are finite: bits at random, but for those of the exponent. */
function writeModel(path, bytes) {
  const tensors = []
  for (let left = Math.round(bytes / 4); left > 0; left -= VALUES) tensors.push(Math.min(left, VALUES))
  const entries = tensors.map((values, i) => ({
    name: `layer${i}.weight`,
    dtype: 'F32',
    shape: [values],
    bytes: 4 * values,
  }))
  const bits = randomFillSync(new Uint32Array(VALUES)).map((word) => (word & 0x80ff_ffff) | 0x3e00_0000)
  const handle = openSync(path, 'w')
  writeSync(handle, encodeHeader(entries, {}))
  for (const values of tensors) writeSync(handle, new Uint8Array(bits.buffer, 0, 4 * values))
  fsyncSync(handle)
  closeSync(handle)
  return path
}
