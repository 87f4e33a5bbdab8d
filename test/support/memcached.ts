import { readFile } from 'node:fs/promises'
import { optionsOfFlags, readPem } from './embedded-server.js'
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

const UNITS: Readonly<Record<string, number>> = { k: 1 << 10, m: 1 << 20, g: 1 << 30 }

const bytesOf = (size: string): number =>
  Number.parseInt(size, 10) * (UNITS[size.at(-1)?.toLowerCase() ?? ''] ?? 1)

/** What the process has of `-o`: the settings of TLS. */
const tlsOf = async (settings: string): Promise<object> => {
  const {
    ssl_chain_cert: cert,
    ssl_key: key,
    ...more
  } = Object.fromEntries(settings.split(',').map((setting) => setting.split('=')))
  const { ssl_verify_mode: verify, ssl_ca_cert: ca, ...others } = more
  if (cert === undefined || key === undefined || Object.keys(others).length > 0) {
    throw new Error(`servers in the process have no -o ${settings}`)
  }
  const files = await readPem({ cert, key, ...(ca === undefined ? {} : { ca }) })
  return { tls: { ...files, requestCert: verify === '2' } }
}

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
  embedded: async ({ args = [] }) => {
    const options = await optionsOfFlags(
      args,
      {
        '-t': () => ({}),
        '-m': (megabytes) => ({ maxBytes: bytesOf(`${megabytes}m`) }),
        '-I': (size) => ({ itemSize: bytesOf(size) }),
        '-Y': async (path) => {
          // Of the users in the file the last one.
          const line = (await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? ''
          const colon = line.indexOf(':')
          return { auth: { username: line.slice(0, colon), password: line.slice(colon + 1) } }
        },
        '-o': tlsOf,
      },
      { '-Z': () => ({}) },
    )
    const { MemcachedServer } = await import('@glammp/memcache/testing')
    return (place) => MemcachedServer.start({ ...options, ...place })
  },
  probe: ({ args = [] }) =>
    args.some((arg) => ASKS_FOR_MORE.test(arg))
      ? undefined
      : { question: 'version\r\n', answer: 'VERSION ' },
}

/** Starts a memcached and waits until it answers. */
export const startMemcached = (options: MemcachedOptions = {}): Promise<MemcachedServer> =>
  startServer(kind, options, options.socket)
