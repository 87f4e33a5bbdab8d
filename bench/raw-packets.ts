/** Types of the packets that the raw sockets send or count. */
export const Type = {
  canDo: 1,
  preSleep: 4,
  noop: 6,
  submit: 7,
  created: 8,
  grab: 9,
  noJob: 10,
  assign: 11,
  complete: 13,
  background: 18,
} as const

const HEAD = 12

export function packet(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD)
  head.write('\0REQ', 'latin1')
  head.writeUInt32BE(type, 4)
  head.writeUInt32BE(body.length, 8)
  return Buffer.concat([head, body])
}

/** Tells the type and body of each packet; a large one is put together once, when it is complete. */
export function frames(onFrame: (type: number, body: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let held = 0
  let needed = HEAD
  return (chunk) => {
    parts.push(chunk)
    held += chunk.length
    if (held < needed) return
    let bytes = parts.length === 1 ? chunk : Buffer.concat(parts, held)
    needed = HEAD
    while (bytes.length >= HEAD) {
      const end = HEAD + bytes.readUInt32BE(8)
      if (bytes.length < end) {
        needed = end
        break
      }
      onFrame(bytes.readUInt32BE(4), bytes.subarray(HEAD, end))
      bytes = bytes.subarray(end)
    }
    parts = bytes.length === 0 ? [] : [bytes]
    held = bytes.length
  }
}
