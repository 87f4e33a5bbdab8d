import { fromByteText } from './packet.js'
import { MalformedPacketError } from './packet-decoder.js'

/** A line of `status`: one function. */
export interface FunctionStatus {
  /** The function as gearmand knows it, its namespace included. */
  readonly function: string
  /** Jobs queued and running, those whose client has gone included. */
  readonly total: number
  /** Jobs that a worker has. */
  readonly running: number
  /** Connections that can do it. */
  readonly workers: number
}

/** A line of `prioritystatus`: the queued jobs of one function. */
export interface FunctionPriorities {
  /** The function as gearmand knows it, its namespace included. */
  readonly function: string
  readonly high: number
  readonly normal: number
  readonly low: number
  /** Connections that can do it. */
  readonly workers: number
}

/** A line of `workers`: one connection, of a client or an admin too. */
export interface ConnectedWorker {
  /** gearmand's file descriptor of it. */
  readonly fd: number
  /** Where it came from, without a port. */
  readonly address: string
  /** The name that it set; `-` if it set none. */
  readonly clientId: string
  /** What it can do; empty for a client. */
  readonly functions: readonly string[]
}

/** A line of `show jobs`. */
export interface QueuedJob {
  /** gearmand's own part of the handle. */
  readonly handle: string
  /** How many workers were lost over it. */
  readonly retries: number
  /** True if its client has gone and no worker will get it. */
  readonly ignored: boolean
  /** True if it is in gearmand's persistent queue, or would be if there were one. */
  readonly persistent: boolean
}

export function readFunctionStatus(line: string): FunctionStatus {
  const [name, [total, running, workers]] = named(line, 3)
  return { function: name, total, running, workers }
}

export function readFunctionPriorities(line: string): FunctionPriorities {
  const [name, [high, normal, low, workers]] = named(line, 4)
  return { function: name, high, normal, low, workers }
}

export function readQueuedJob(line: string): QueuedJob {
  const [handle, [retries, ignored, persistent]] = named(line, 3)
  return { handle, retries, ignored: ignored !== 0, persistent: persistent !== 0 }
}

/**
 * `fd address id : function function`. Ids may hold blanks and colons, IPv6 addresses colons, and
 * functions neither begin nor end anything: so the last ` :` before a blank or the end divides.
 */
export function readConnectedWorker(line: string): ConnectedWorker {
  const [head, fd, address = ''] = /^(\d+) (\S+) /.exec(line) ?? []
  if (head === undefined) throw unreadable(line)
  // One expression for the whole line would try every colon with all that follows it.
  let divider = line.lastIndexOf(' :')
  while (divider >= head.length && !isEndOrBlank(line, divider + 2)) {
    divider = line.lastIndexOf(' :', divider - 1)
  }
  const functions = line
    .slice(divider + 2)
    .replace(/ $/, '')
    .split(' ')
    .slice(1)
  if (divider < head.length || functions.includes('')) throw unreadable(line)
  return {
    fd: Number(fd),
    address,
    clientId: fromByteText(line.slice(head.length, divider)),
    functions: functions.map(fromByteText),
  }
}

function isEndOrBlank(line: string, at: number): boolean {
  return at === line.length || line[at] === ' '
}

/**
 * A name and the given count of numbers after it; the name may contain tabs if another client
 * created it.
 */
function named(line: string, count: 3): [string, [number, number, number]]
function named(line: string, count: 4): [string, [number, number, number, number]]
function named(line: string, count: number): [string, number[]] {
  const fields = line.split('\t')
  const numbers = fields.splice(-count).map(Number)
  if (fields.length === 0 || !numbers.every(Number.isInteger)) throw unreadable(line)
  return [fromByteText(fields.join('\t')), numbers]
}

function unreadable(line: string): MalformedPacketError {
  return new MalformedPacketError(`not a line of this list: ${JSON.stringify(line.slice(0, 200))}`)
}
