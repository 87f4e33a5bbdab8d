import type { RunningServer, ServerKind, ServerOptions } from './server.js'
import { startServer } from './server-start.js'

export type MemcachedServer = RunningServer

export interface MemcachedOptions extends ServerOptions {
  /** Listens at this unix socket, and at no port. */
  readonly socket?: string | undefined
}

/** TLS, SASL, a password file, the binary protocol alone: none of them answers a plain `version`. */
const ASKS_FOR_MORE =
  /^(-Z|-S|-Y|-B|--enable-ssl|--enable-sasl|--auth-file|--protocol)(=|$)|^-B(binary|b)/

const kind: ServerKind = {
  name: 'memcached',
  port: 11211,
  variable: 'MEMCACHED_SERVERS',
  flags: ({ host, port, socket }, { args = [] }, isRoot) => [
    // A hundred of them fit: one worker thread, and memory is taken only as items come.
    ...['-t', '1', '-m', '64', '-c', '1024', '-U', '0'],
    // memcached refuses to run as root unless it is told a user.
    ...(isRoot ? ['-u', 'root'] : []),
    ...(socket === undefined ? ['-l', host, '-p', String(port)] : ['-s', socket, '-a', '0777']),
    ...args,
  ],
  probe: ({ args = [] }) =>
    args.some((arg) => ASKS_FOR_MORE.test(arg))
      ? undefined
      : { question: 'version\r\n', answer: 'VERSION ' },
}

/** Starts a memcached and waits until it answers. */
export const startMemcached = (options: MemcachedOptions = {}): Promise<MemcachedServer> =>
  startServer(kind, options, options.socket)
