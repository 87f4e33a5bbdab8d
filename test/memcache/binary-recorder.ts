import { startFakeServer } from '../support/fake-server.js'

const HEADER = 24
const [GET, SET, ADD, REPLACE, DELETE, VERBOSITY, GAT] = [0, 1, 2, 3, 4, 0x1b, 0x1d]
const COUNTERS = [5, 6]
const [NOT_FOUND, EXISTS, UNKNOWN] = [1, 2, 0x81]

interface Item {
  readonly flags: Buffer
  readonly value: Buffer
}

/**
 * A server that takes packets of the binary protocol apart, remembers the number and the key of
 * each, and keeps items.
 */
export async function startBinaryRecorder(): Promise<
  AsyncDisposable & { readonly address: string; readonly requests: readonly string[] }
> {
  const requests: string[] = []
  const items = new Map<string, Item>()
  const server = await startFakeServer((socket) => {
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length >= HEADER && bytes.length >= HEADER + bytes.readUInt32BE(8)) {
        const packet = bytes.subarray(0, HEADER + bytes.readUInt32BE(8))
        const isRequest = packet.readUInt8(0) === 0x80
        requests.push(isRequest ? `binary ${packet.readUInt8(1)} ${keyOf(packet)}` : 'garbled')
        socket.write(answer(packet, items))
        bytes = bytes.subarray(packet.length)
      }
    })
  })
  return { address: server.address, requests, [Symbol.asyncDispose]: () => server.stop() }
}

function keyOf(packet: Buffer): string {
  const start = HEADER + packet.readUInt8(4)
  return packet.toString('latin1', start, start + packet.readUInt16BE(2))
}

function answer(packet: Buffer, items: Map<string, Item>): Buffer {
  const opcode = packet.readUInt8(1)
  const key = keyOf(packet)
  const item = items.get(key)
  if (opcode === GET || opcode === GAT) {
    return item === undefined ? reply(packet, NOT_FOUND) : reply(packet, 0, item.flags, item.value)
  }
  if (opcode === SET || opcode === ADD || opcode === REPLACE) {
    if (opcode !== SET && (item === undefined) !== (opcode === ADD)) {
      return reply(packet, opcode === ADD ? EXISTS : NOT_FOUND)
    }
    const value = HEADER + packet.readUInt8(4) + packet.readUInt16BE(2)
    const flags = Buffer.from(packet.subarray(HEADER, HEADER + 4))
    items.set(key, { flags, value: Buffer.from(packet.subarray(value)) })
  }
  if (opcode === DELETE) items.delete(key)
  if (opcode === VERBOSITY) return reply(packet, UNKNOWN)
  return reply(packet, 0, undefined, COUNTERS.includes(opcode) ? Buffer.alloc(8) : undefined)
}

function reply(
  packet: Buffer,
  status: number,
  flags: Buffer = Buffer.alloc(0),
  value: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt8(0x81, 0)
  header.writeUInt8(packet.readUInt8(1), 1)
  header.writeUInt8(flags.length, 4)
  header.writeUInt16BE(status, 6)
  header.writeUInt32BE(flags.length + value.length, 8)
  header.writeUInt32BE(packet.readUInt32BE(12), 12)
  header.writeUInt32BE(1, 20)
  return Buffer.concat([header, flags, value])
}
