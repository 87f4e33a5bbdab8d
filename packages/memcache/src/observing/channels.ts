import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { isWatched, traced } from '@glammp/wire'
import type { Request } from '../requests/request.js'

/** Names of the client's channels of `node:diagnostics_channel`. */
export const channelNames: Readonly<Record<'command', string>> = Object.freeze({
  /** A tracing channel: `tracingChannel(channelNames.command).subscribe({ start, asyncEnd, ... })`. */
  command: 'glammp:memcache:command',
})

/**
 * What the tracing channel publishes: the same object from `start` to `asyncEnd`, complete from
 * `asyncStart` (or `error`) on. A command of many keys is one message per server. It contains
 * neither keys nor values.
 */
export interface CommandMessage {
  /** Name of the client's method; `set chunk` and the like for the parts of a large value. */
  readonly command: string
  /** Address of the server; if another one stood in for it, finally of that one. */
  server: string | undefined
  /** How many keys the command has; 0 for those of a server. */
  readonly keys: number
  /** Bytes of the values, as they are stored, that were sent or received. */
  bytes: number
  /**
   * `'hit'`, `'miss'`, or `'partial'` of many keys; `'stored'`, `'not-stored'`, `'exists'`,
   * `'missing'`, `'deleted'`, `'touched'`, `'counted'`, `'found'`, `'done'`; else the `code` or
   * name of the error. `undefined` while the call is under way.
   */
  outcome: string | undefined
  /** What the call rejected with. */
  error?: unknown
}

const commands: TracingChannel<unknown, CommandMessage> = tracingChannel(channelNames.command)

/** True while the channel of commands has a subscriber. */
export function commandsAreWatched(): boolean {
  return isWatched(commands as TracingChannel<unknown, object>)
}

/** Sends a request and publishes its outcome. */
export function traceCommand<T>(request: Request<T>, send: () => Promise<T>): Promise<T> {
  const { command, course, keyCount: keys } = request
  const { server } = course
  const message: CommandMessage = { command, server, keys, bytes: 0, outcome: undefined }
  return traced(commands, message, send, () => {
    message.server = course.server
    message.bytes = course.bytes
    message.outcome = request.outcome
  })
}
