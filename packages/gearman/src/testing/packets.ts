/** Numbers of the packets that this server names; the others are only known by {@link LAYOUTS}. */
export const Type = {
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
  SUBMIT_JOB_EPOCH: 36,
  SUBMIT_REDUCE_JOB: 37,
  SUBMIT_REDUCE_JOB_BACKGROUND: 38,
  GRAB_JOB_ALL: 39,
  JOB_ASSIGN_ALL: 40,
  GET_STATUS_UNIQUE: 41,
  STATUS_RES_UNIQUE: 42,
} as const

/** What a packet is made of. */
export interface Layout {
  readonly name: string
  /** Names of its arguments; NUL ends each, but for the last of a packet without data. */
  readonly args: readonly string[]
  /** What the bytes behind the arguments are called. */
  readonly data: string | undefined
}

const layout = (name: string, args = '', data?: string): Layout => ({
  name,
  args: args === '' ? [] : args.split(' '),
  data,
})
const submit = (name: string, more = ''): Layout => layout(name, `fn unique${more}`, 'workload')
const result = (name: string): Layout => layout(name, 'handle', 'data')

/** By number. 0 is none. */
export const LAYOUTS: readonly (Layout | undefined)[] = [
  undefined,
  layout('CAN_DO', 'fn'),
  layout('CANT_DO', 'fn'),
  layout('RESET_ABILITIES'),
  layout('PRE_SLEEP'),
  layout('UNUSED'),
  layout('NOOP'),
  submit('SUBMIT_JOB'),
  layout('JOB_CREATED', 'handle'),
  layout('GRAB_JOB'),
  layout('NO_JOB'),
  layout('JOB_ASSIGN', 'handle fn', 'workload'),
  layout('WORK_STATUS', 'handle numerator denominator'),
  result('WORK_COMPLETE'),
  layout('WORK_FAIL', 'handle'),
  layout('GET_STATUS', 'handle'),
  layout('ECHO_REQ', '', 'data'),
  layout('ECHO_RES', '', 'data'),
  submit('SUBMIT_JOB_BG'),
  layout('ERROR', 'code text'),
  layout('STATUS_RES', 'handle known running numerator denominator'),
  submit('SUBMIT_JOB_HIGH'),
  layout('SET_CLIENT_ID', 'id'),
  layout('CAN_DO_TIMEOUT', 'fn timeout'),
  layout('ALL_YOURS'),
  result('WORK_EXCEPTION'),
  layout('OPTION_REQ', 'option'),
  layout('OPTION_RES', 'option'),
  result('WORK_DATA'),
  result('WORK_WARNING'),
  layout('GRAB_JOB_UNIQ'),
  layout('JOB_ASSIGN_UNIQ', 'handle fn unique', 'workload'),
  submit('SUBMIT_JOB_HIGH_BG'),
  submit('SUBMIT_JOB_LOW'),
  submit('SUBMIT_JOB_LOW_BG'),
  submit('SUBMIT_JOB_SCHED', ' minute hour day month weekday'),
  submit('SUBMIT_JOB_EPOCH', ' time'),
  submit('SUBMIT_REDUCE_JOB', ' reducer aggregator'),
  submit('SUBMIT_REDUCE_JOB_BACKGROUND', ' reducer aggregator'),
  layout('GRAB_JOB_ALL'),
  layout('JOB_ASSIGN_ALL', 'handle fn unique reducer', 'workload'),
  layout('GET_STATUS_UNIQUE', 'unique'),
  layout('STATUS_RES_UNIQUE', 'unique known running numerator denominator clients'),
]

/** A packet as it was read. */
export interface Packet {
  readonly type: number
  readonly layout: Layout
  /** Whether it is marked as one to a server. */
  readonly isRequest: boolean
  /** A character for each byte; without the NUL that ends them. */
  readonly args: readonly string[]
  readonly data: Buffer
}

/** The header of a packet to clients and workers. */
export function header(type: number, length: number): string {
  return String.fromCharCode(
    ...[0, 0x52, 0x45, 0x53, 0, 0, 0, type],
    ...[length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff],
  )
}
