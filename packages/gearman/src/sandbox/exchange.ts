import type { MessagePort } from 'node:worker_threads'
import {
  ClosedError,
  ConnectionError,
  GearmanError,
  type GearmanErrorDetails,
  InvalidArgumentError,
  ProtocolError,
  TimeoutError,
} from '../errors.js'
import type { PacketType } from '../protocol/packet.js'
import type { TraceContext } from '../protocol/trace-context.js'

/** What a thread is given for one job. */
export interface ThreadJob {
  /** The handler's module as a `file:` URL. */
  readonly module: string
  readonly handle: string
  readonly functionName: string
  readonly unique: string
  readonly reducer: string | undefined
  readonly traceContext: TraceContext | undefined
  readonly workload: Uint8Array
  /** Name of the codec. */
  readonly codec: string
  /** The port for the other messages about the job. */
  readonly port: MessagePort
}

/** From a thread: a packet to send, that one cannot be sent, or how the handler ended. */
export type ThreadMessage =
  | {
      readonly kind: 'send'
      /** Returned with the answer. */
      readonly id: number
      readonly type: PacketType
      readonly args: string | undefined
      readonly data: string | Uint8Array | undefined
    }
  | { readonly kind: 'unsent'; readonly error: PackedError }
  | { readonly kind: 'returned'; readonly data: string | Uint8Array }
  | { readonly kind: 'failed' }
  | { readonly kind: 'threw'; readonly message: string }

/** To a thread: whether a packet was sent, or that the result no longer counts. */
export type HostMessage =
  | { readonly kind: 'sent'; readonly id: number; readonly sent: boolean }
  | { readonly kind: 'abort'; readonly reason: PackedError }

/** An error between threads: a structured clone would lose its class. */
export interface PackedError extends GearmanErrorDetails {
  readonly code: string
  readonly message: string
}

type ReasonClass = new (message: string, details: GearmanErrorDetails) => GearmanError

const REASONS: Readonly<Record<string, ReasonClass>> = {
  ERR_GEARMAN_CLOSED: ClosedError,
  ERR_GEARMAN_INVALID_ARGUMENT: InvalidArgumentError,
  ERR_GEARMAN_PROTOCOL: ProtocolError,
  ERR_GEARMAN_TIMEOUT: TimeoutError,
}

/** An error in the form that is sent between threads. */
export function packError(reason: unknown): PackedError {
  if (!(reason instanceof GearmanError)) return { code: '', message: String(reason) }
  const { code, message, server, function: fn, handle } = reason
  return { code, message, server, function: fn, handle }
}

export function unpackError({ code, message, ...details }: PackedError): GearmanError {
  const Reason = REASONS[code] ?? ConnectionError
  return new Reason(message, details)
}

/** Bytes in memory of their own: a clone of a view clones the whole buffer of the view. */
export function detached(data: string | Uint8Array): string | Uint8Array {
  if (typeof data === 'string' || data.byteLength === data.buffer.byteLength) return data
  return new Uint8Array(data)
}
