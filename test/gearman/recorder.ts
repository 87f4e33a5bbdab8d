import type { Socket } from 'node:net'
import { startFakeServer } from '../support/fake-server.js'

const HEADER = 12
/** Those that wait for a result. */
const FOREGROUND = [7, 21, 33, 37]
const BACKGROUND = [18, 32, 34, 35, 36, 38]
const GET_STATUS = 15
const ECHO_REQ = 16
const OPTION_REQ = 26
const GET_STATUS_UNIQUE = 41
const JOB_CREATED = 8
const WORK_COMPLETE = 13
const ECHO_RES = 17
const STATUS_RES = 20
const OPTION_RES = 27
const STATUS_RES_UNIQUE = 42
const LISTS = /^(status|workers|prioritystatus|show (unique )?jobs)\r?\n$/

/** What arrived: the number of a packet and its parts, with NULs between; or a line. */
export interface Arrival {
  readonly type: number
  readonly body: string
}

/** A job server that takes packets and lines apart, remembers them, and ends each job at once. */
export async function startRecorder(): Promise<
  AsyncDisposable & { readonly address: string; readonly arrivals: readonly Arrival[] }
> {
  const arrivals: Arrival[] = []
  const server = await startFakeServer((socket) => {
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let length = lengthOf(bytes); length > 0; length = lengthOf(bytes)) {
        const isPacket = bytes[0] === 0
        const type = isPacket ? bytes.readUInt32BE(4) : 0
        const body = bytes.toString('latin1', isPacket ? HEADER : 0, length)
        arrivals.push({ type, body })
        answer(socket, type, body)
        bytes = bytes.subarray(length)
      }
    })
  })
  return { address: server.address, arrivals, [Symbol.asyncDispose]: () => server.stop() }
}

/** Bytes of the packet or line in front; 0 while it has not come. */
function lengthOf(bytes: Buffer): number {
  if (bytes[0] !== 0) return bytes.indexOf('\n') + 1
  if (bytes.length < HEADER) return 0
  const length = HEADER + bytes.readUInt32BE(8)
  return bytes.length < length ? 0 : length
}

function answer(socket: Socket, type: number, body: string): void {
  const say = (kind: number, text: string): void => {
    const header = Buffer.from('\0RES\0\0\0\0\0\0\0\0', 'latin1')
    header.writeUInt32BE(kind, 4)
    header.writeUInt32BE(text.length, 8)
    socket.write(Buffer.concat([header, Buffer.from(text, 'latin1')]))
  }
  if (type === 0)
    socket.write(LISTS.test(body) ? '.\n' : body.startsWith('getpid') ? 'OK 5\n' : 'OK\n')
  else if (FOREGROUND.includes(type) || BACKGROUND.includes(type)) {
    say(JOB_CREATED, 'H:r:1')
    if (FOREGROUND.includes(type)) say(WORK_COMPLETE, 'H:r:1\0')
  } else if (type === GET_STATUS) say(STATUS_RES, `${body}\x000\x000\x000\x000`)
  else if (type === GET_STATUS_UNIQUE) say(STATUS_RES_UNIQUE, `${body}\x000\x000\x000\x000\x000`)
  else if (type === ECHO_REQ) say(ECHO_RES, body)
  else if (type === OPTION_REQ) say(OPTION_RES, body)
}
