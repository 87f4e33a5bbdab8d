import type { Output } from '@glammp/wire'

/** Packet types by the protocol's own names and numbers; 5 is not used by it. */
export const PacketType = {
  CAN_DO: 1,
  CANT_DO: 2,
  RESET_ABILITIES: 3,
  PRE_SLEEP: 4,
  NOOP: 6,
  SUBMIT_JOB: 7,
  JOB_CREATED: 8,
  GRAB_JOB: 9,
  NO_JOB: 10,
  JOB_ASSIGN: 11,
  WORK_STATUS: 12,
  WORK_COMPLETE: 13,
  WORK_FAIL: 14,
  GET_STATUS: 15,
  ECHO_REQ: 16,
  ECHO_RES: 17,
  SUBMIT_JOB_BG: 18,
  ERROR: 19,
  STATUS_RES: 20,
  SUBMIT_JOB_HIGH: 21,
  SET_CLIENT_ID: 22,
  CAN_DO_TIMEOUT: 23,
  ALL_YOURS: 24,
  WORK_EXCEPTION: 25,
  OPTION_REQ: 26,
  OPTION_RES: 27,
  WORK_DATA: 28,
  WORK_WARNING: 29,
  GRAB_JOB_UNIQ: 30,
  JOB_ASSIGN_UNIQ: 31,
  SUBMIT_JOB_HIGH_BG: 32,
  SUBMIT_JOB_LOW: 33,
  SUBMIT_JOB_LOW_BG: 34,
  SUBMIT_JOB_SCHED: 35,
  SUBMIT_JOB_EPOCH: 36,
  SUBMIT_REDUCE_JOB: 37,
  SUBMIT_REDUCE_JOB_BACKGROUND: 38,
  GRAB_JOB_ALL: 39,
  JOB_ASSIGN_ALL: 40,
  GET_STATUS_UNIQUE: 41,
  STATUS_RES_UNIQUE: 42,
} as const

export type PacketType = (typeof PacketType)[keyof typeof PacketType]

/** How the body of a packet is divided: arguments by NULs, then data that may hold anything. */
export interface Layout {
  /** The protocol's name of the packet. */
  readonly name: string
  readonly args: number
  readonly data: boolean
}

/** The argument counts of packets whose body ends with opaque data. */
const WITH_DATA: Partial<Record<keyof typeof PacketType, number>> = {
  SUBMIT_JOB: 2,
  SUBMIT_JOB_BG: 2,
  SUBMIT_JOB_HIGH: 2,
  SUBMIT_JOB_HIGH_BG: 2,
  SUBMIT_JOB_LOW: 2,
  SUBMIT_JOB_LOW_BG: 2,
  SUBMIT_JOB_SCHED: 7,
  SUBMIT_JOB_EPOCH: 3,
  // PROTOCOL says three; gearmand 1.1.20 waits for ever for the NUL after a fourth.
  SUBMIT_REDUCE_JOB: 4,
  SUBMIT_REDUCE_JOB_BACKGROUND: 4,
  JOB_ASSIGN: 2,
  JOB_ASSIGN_UNIQ: 3,
  JOB_ASSIGN_ALL: 4,
  WORK_COMPLETE: 1,
  WORK_EXCEPTION: 1,
  WORK_DATA: 1,
  WORK_WARNING: 1,
  ECHO_REQ: 0,
  ECHO_RES: 0,
}

/** The argument counts of packets without data. */
const WITHOUT_DATA: Partial<Record<keyof typeof PacketType, number>> = {
  CAN_DO: 1,
  CANT_DO: 1,
  JOB_CREATED: 1,
  WORK_STATUS: 3,
  WORK_FAIL: 1,
  GET_STATUS: 1,
  ERROR: 2,
  STATUS_RES: 5,
  SET_CLIENT_ID: 1,
  CAN_DO_TIMEOUT: 2,
  OPTION_REQ: 1,
  OPTION_RES: 1,
  GET_STATUS_UNIQUE: 1,
  STATUS_RES_UNIQUE: 6,
}

/** Layouts by packet type; `undefined` for a number that the protocol does not use. */
export const LAYOUTS: readonly (Layout | undefined)[] = layouts()

function layouts(): (Layout | undefined)[] {
  const table: (Layout | undefined)[] = new Array(43).fill(undefined)
  for (const name of Object.keys(PacketType) as (keyof typeof PacketType)[]) {
    const data = WITH_DATA[name]
    table[PacketType[name]] = {
      name,
      args: data ?? WITHOUT_DATA[name] ?? 0,
      data: data !== undefined,
    }
  }
  return table
}

/** Which way a packet goes: `\0REQ` to the job server, `\0RES` from it. */
export const Magic = { REQUEST: '\0REQ', RESPONSE: '\0RES' } as const

export type Magic = (typeof Magic)[keyof typeof Magic]

/** Bytes of a header: magic, type, length of the body. */
export const HEADER_LENGTH = 12

/** The longest body that its 32-bit length can announce. */
export const MAX_BODY = 0xffff_ffff

/** For text up to this many characters it is worth checking whether it is all ASCII. */
const SHORT_TEXT = 1024

/** A constant header, as the text of its bytes. */
function headers(magic: Magic): string[] {
  return LAYOUTS.map((_, type) => magic + uint32(type))
}

const REQUEST_HEADERS: readonly string[] = headers(Magic.REQUEST)

/** The whole of a request packet without a body, for example `GRAB_JOB_UNIQ`. */
export function bare(type: PacketType): string {
  return `${REQUEST_HEADERS[type]}\0\0\0\0`
}

/**
 * Appends a request packet.
 *
 * @param args - each as the text of its bytes (see {@link byteText}), joined by single NULs; in a
 * packet with data the NUL after the last one is written too, also where the data is empty: without
 * it gearmand 1.1.20 treats a WORK_COMPLETE as invalid and closes the worker's connection.
 * @param data - a string is sent as UTF-8; a large array is kept by reference until it is sent.
 */
export function encode(
  output: Output,
  type: PacketType,
  args: string,
  data?: string | Uint8Array,
): void {
  const header = REQUEST_HEADERS[type]
  if (data === undefined) {
    output.text(header + uint32(args.length) + args)
    return
  }
  const prefix = LAYOUTS[type]?.args === 0 ? '' : `${args}\0`
  if (typeof data === 'string') {
    if (data.length <= SHORT_TEXT && Buffer.byteLength(data) === data.length) {
      output.text(header + uint32(prefix.length + data.length) + prefix + data)
      return
    }
    encode(output, type, args, Buffer.from(data))
    return
  }
  output.text(header + uint32(prefix.length + data.byteLength) + prefix)
  output.bytes(data)
}

/** UTF-8 bytes of `text`, written as one character a byte. */
export function byteText(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1')
}

/** The text whose UTF-8 bytes are written as one character a byte: undoes {@link byteText}. */
export function fromByteText(bytes: string): string {
  return /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes
}

function uint32(value: number): string {
  return String.fromCharCode(
    value >>> 24,
    (value >>> 16) & 0xff,
    (value >>> 8) & 0xff,
    value & 0xff,
  )
}
