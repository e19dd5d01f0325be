// Keeps, in a library with CUDA code for many GPUs, the code for one: the rest becomes zeros, which pack to nothing.
// The driver goes by the headers, which stay. `node one-arch.mjs LIBRARY 90`

import { readFileSync, writeFileSync } from 'node:fs'

const [file, wanted] = process.argv.slice(2)
const CONTAINER = Buffer.from([0x50, 0xed, 0x55, 0xba])
const CONTAINER_HEADER = 16
const MACHINE_CODE = 2

const library = readFileSync(file)
let kept = 0
let cleared = 0
for (let at = library.indexOf(CONTAINER); at >= 0; at = library.indexOf(CONTAINER, at)) {
  if (library.readUInt16LE(at + 6) !== CONTAINER_HEADER) throw new Error(`an unknown container at ${at}`)
  const end = at + CONTAINER_HEADER + Number(library.readBigUInt64LE(at + 8))
  const entries = entriesFrom(at + CONTAINER_HEADER, end)
  const fits = ({ kind, arch }) => kind === MACHINE_CODE && arch === Number(wanted)
  // Code that no other module replaces stays as it is.
  for (const entry of entries.some(fits) ? entries : []) {
    if (fits(entry)) kept += entry.size
    else {
      library.fill(0, entry.code, entry.code + entry.size)
      cleared += entry.size
    }
  }
  at = end
}
if (kept === 0) throw new Error(`${file} has no code for sm_${wanted}`)
writeFileSync(file, library)
console.log(`${file}: ${mb(kept)} for sm_${wanted} kept, ${mb(cleared)} for others cleared`)

/** The modules of one container: kind, architecture, and where their code is. */
function entriesFrom(start, end) {
  const entries = []
  for (let at = start; at < end; ) {
    const code = at + library.readUInt32LE(at + 4)
    const size = Number(library.readBigUInt64LE(at + 8))
    entries.push({ kind: library.readUInt16LE(at), arch: library.readUInt32LE(at + 28), code, size })
    at = code + size
  }
  return entries
}

function mb(bytes) {
  return `${Math.round(bytes / 1e6)} MB`
}
