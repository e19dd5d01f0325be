// Frames between processes of the tests: the lengths of a JSON head and of a binary body, then both.

/** @returns {Buffer} */
export function frame(head, body = new Uint8Array()) {
  const json = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(json.length, 0)
  lengths.writeUInt32LE(body.length, 4)
  return Buffer.concat([lengths, json, body])
}

/** The frames of a stream. */
export async function* frames(stream) {
  let bytes = Buffer.alloc(0)
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk])
    for (;;) {
      if (bytes.length < 8) break
      const [json, body] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
      if (bytes.length < 8 + json + body) break
      const head = JSON.parse(bytes.toString('utf8', 8, 8 + json))
      yield { head, body: Uint8Array.from(bytes.subarray(8 + json, 8 + json + body)) }
      bytes = bytes.subarray(8 + json + body)
    }
  }
}

/** The state of a map of tensors, whose names begin with that of what they belong to. */
export function unflat(tensors) {
  const state = {}
  for (const [path, value] of tensors) {
    const at = path.lastIndexOf('/')
    const name = path.slice(0, at)
    state[name] ??= new Map()
    state[name].set(path.slice(at + 1), value)
  }
  return state
}

/** An update's weights, and what was sent with them. */
export function grouped(tensors) {
  const sent = [...tensors].filter(([path]) => path.startsWith(SENT))
  return {
    weights: new Map([...tensors].filter(([path]) => !path.startsWith(SENT))),
    sent: unflat(new Map(sent.map(([path, value]) => [path.slice(SENT.length), value]))),
  }
}

const SENT = 'sent/'
