import { oneOf } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, checkCall, timeoutOf } from '../dispatch/route.js'
import type { LineStream } from '../servers/streams/line-stream.js'

const CLASSES = [
  'fetchers',
  'mutations',
  'evictions',
  'connevents',
  'deletions',
  'proxyreqs',
  'proxyevents',
  'proxyuser',
  'rawcmds',
] as const

/** The classes of a server's log. */
export type WatchClass = (typeof CLASSES)[number]

const checkClass = oneOf(...CLASSES)

/** Options of `watch`, besides the classes. */
export type WatchOptions = CallOptions

/** One line of a server's log. */
export interface WatchEvent {
  /** The server that wrote it. */
  readonly server: string
  /** What happened: `item_get`, `item_store`, `eviction`, ...; empty if the line has no type. */
  readonly type: string
  /**
   * The key without the client's namespace, as a Buffer if it is not text; `undefined` if there is
   * none, or if it is outside of the namespace.
   */
  readonly key: string | Buffer | undefined
  /** The fields of the line, unchanged: `ts`, `gid`, `key`, `status`, ... */
  readonly fields: Readonly<Record<string, string>>
}

/** Follows the logs of all servers. */
export class WatchLog {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  async *watch(
    choices: readonly (WatchClass | WatchOptions)[],
  ): AsyncGenerator<WatchEvent, void, undefined> {
    const classes: string[] = []
    let options: WatchOptions | undefined
    for (const choice of choices) {
      if (typeof choice === 'object' && choice !== null && options === undefined) {
        checkCall('watch', choice)
        options = choice
      } else {
        checkClass('a class of watch', choice)
        classes.push(choice as WatchClass)
      }
    }
    if (classes.length === 0) throw new TypeError('watch takes at least one class')
    const timeout = timeoutOf(this.#context, options)
    const { signal } = options ?? {}
    await this.#context.fleet.ready(signal)
    const line = `watch ${classes.join(' ')}`
    const opening = this.#context.fleet.servers.map(async (server) => ({
      server: server.address.name,
      stream: await server.streams.open('watch', line, timeout, undefined, signal),
    }))
    const opened = await Promise.allSettled(opening)
    const logs = opened.flatMap((log) => (log.status === 'fulfilled' ? [log.value] : []))
    try {
      for (const log of opened) if (log.status === 'rejected') throw log.reason
      for await (const { server, line } of merge(logs)) {
        // A line that was read ahead is late then.
        signal?.throwIfAborted()
        yield this.#parse(server, line)
      }
    } finally {
      for (const { stream } of logs) stream.close()
    }
  }

  #parse(server: string, line: string): WatchEvent {
    const fields = readEvent(line)
    const { type = '', key } = fields as { type?: string; key?: string }
    return {
      server,
      type,
      key: key === undefined ? undefined : this.#context.keys.fromLog(key),
      fields,
    }
  }
}

/** `ts=1.5 type=item_get key=a%20b` -> its fields. */
export function readEvent(line: string): Record<string, string> {
  const fields: [name: string, value: string][] = []
  for (const field of line.split(/\s/)) {
    const at = field.indexOf('=')
    if (at > 0) fields.push([field.slice(0, at), field.slice(at + 1)])
  }
  return Object.fromEntries(fields)
}

/** The lines of all logs as they come. */
async function* merge(
  logs: readonly { readonly server: string; readonly stream: LineStream }[],
): AsyncGenerator<{ readonly server: string; readonly line: string }, void, undefined> {
  const readers = logs.map(({ server, stream }) => ({
    server,
    lines: stream[Symbol.asyncIterator](),
  }))
  const read = ({ lines }: (typeof readers)[number]): Promise<IteratorResult<string, void>> => {
    const line = lines.next()
    // Nobody waits for it if the loop ends with the line before.
    line.catch(() => {})
    return line
  }
  const next = new Map(readers.map((reader) => [reader, read(reader)]))
  while (next.size > 0) {
    const ready = [...next].map(async ([reader, line]) => ({ reader, line: await line }))
    const { reader, line } = await Promise.race(ready)
    if (line.done) {
      next.delete(reader)
      continue
    }
    next.set(reader, read(reader))
    yield { server: reader.server, line: line.value }
  }
}
