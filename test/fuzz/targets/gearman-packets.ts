import { Magic, PacketType } from '../../../packages/gearman/src/protocol/packet.js'
import {
  MalformedPacketError,
  PacketDecoder,
} from '../../../packages/gearman/src/protocol/packet-decoder.js'
import { PacketReader } from '../../../packages/gearman/src/testing/packet-reader.js'
import { only, sameHoweverCut, type Target } from '../engine/target.js'

function packet(magic: string, type: number, body: string): Buffer {
  const header = Buffer.alloc(12)
  header.write(magic, 'latin1')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(body.length, 8)
  return Buffer.concat([header, Buffer.from(body, 'latin1')])
}

const answers = [
  packet(Magic.RESPONSE, PacketType.JOB_CREATED, 'H:a:1'),
  packet(Magic.RESPONSE, PacketType.WORK_COMPLETE, 'H:a:1\0result'),
  packet(Magic.RESPONSE, PacketType.JOB_ASSIGN_ALL, 'H:a:1\0title\0unique\0\0workload'),
  packet(Magic.RESPONSE, PacketType.STATUS_RES, 'H:a:1\x001\x001\x001\x002'),
  packet(Magic.RESPONSE, PacketType.ERROR, 'code\0text'),
  packet(Magic.RESPONSE, PacketType.NOOP, ''),
]

const requests = [
  packet(Magic.REQUEST, PacketType.SUBMIT_JOB, 'title\0unique\0workload'),
  packet(Magic.REQUEST, PacketType.CAN_DO_TIMEOUT, 'title\x0010'),
  packet(Magic.REQUEST, PacketType.GRAB_JOB_ALL, ''),
  packet(Magic.REQUEST, PacketType.WORK_STATUS, 'H:a:1\x001\x002'),
  Buffer.from('status\r\nmaxqueue title 1 2 3\nworkers\n'),
]

const words = [
  '\0REQ\0\0\0',
  '\0RES\0\0\0',
  '\0',
  '\0\0\0\0',
  '\0\0\0\x05',
  'H:a:1',
  '\r\n',
  'status\n',
]

/** The most bytes of a packet here. */
const LIMIT = 2 ** 31

/** What the decoder tells; `garbled` at the end for what is not the protocol. */
function decode(pieces: readonly Buffer[]): string[] {
  const told: string[] = []
  const decoder = new PacketDecoder(Magic.RESPONSE, LIMIT, (type, args, data) => {
    told.push(JSON.stringify([type, args, data.toString('latin1')]))
  })
  const isSound = only([MalformedPacketError], () => {
    for (const piece of pieces) decoder.push(piece)
    return true
  })
  return isSound ? told : [...told, 'garbled']
}

function read(pieces: readonly Buffer[]): string[] {
  const told: string[] = []
  const reader = new PacketReader({
    packet: ({ type, isRequest, args, data }) => {
      told.push(JSON.stringify([type, isRequest, args, data.toString('latin1')]))
    },
    line: (line) => told.push(line),
    broken: () => told.push('broken'),
  })
  for (const piece of pieces) reader.read(piece)
  return told
}

/** The decoders of packets: that of client and worker, and that of the server in the process. */
export const gearmanPackets: readonly Target[] = [
  {
    name: 'gearman-packets',
    seeds: [...answers, Buffer.concat(answers)],
    words,
    // Cut in several ways, each with a decoder of its own.
    memory: (input) => (8 << 20) + 64 * input.length,
    run: (input) => sameHoweverCut(input, decode),
  },
  {
    name: 'gearman-server-packets',
    seeds: [...requests, Buffer.concat(requests)],
    words,
    run: (input) => sameHoweverCut(input, read),
  },
]
