import { utf8 } from './c-text.js'
import type { Packet } from './packets.js'

/**
 * What a client or a worker asked or said: the packet, and the arguments that it has. A line of the
 * text protocol is `{ packet: 'TEXT', line }`.
 */
export interface ServerRequest {
  /** The name in gearmand's protocol: `SUBMIT_JOB_BG`, `CAN_DO`, `WORK_COMPLETE`, ... */
  readonly packet: string
  readonly fn?: string
  readonly unique?: string
  readonly workload?: Buffer
  readonly handle?: string
  /** What comes with a result, a warning or an echo. */
  readonly data?: Buffer
  readonly numerator?: string
  readonly denominator?: string
  /** Milliseconds that a job may take, as CAN_DO_TIMEOUT says. */
  readonly timeout?: string
  /** Seconds since 1970, as SUBMIT_JOB_EPOCH says. */
  readonly time?: string
  readonly reducer?: string
  readonly aggregator?: string
  readonly option?: string
  /** How a worker calls itself. */
  readonly id?: string
  /** Of the text protocol. */
  readonly line?: string
  /** Arguments of packets that servers do not take. */
  readonly [argument: string]: string | Buffer | undefined
}

export function requestOf({ layout, args, data }: Packet): ServerRequest {
  const request: Record<string, string | Buffer> & { packet: string } = { packet: layout.name }
  for (const [index, name] of layout.args.entries()) request[name] = utf8(args[index] ?? '')
  if (layout.data !== undefined) request[layout.data] = data
  return request
}
