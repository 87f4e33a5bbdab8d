import type { StartInProcess } from './embedded-server.js'

/** Given by the user's addresses, started as child processes, in containers, or inside this process. */
export type ServerSource = 'given' | 'programs' | 'containers' | 'embedded'

/** A memcached or gearmand that a test holds, wherever it runs. */
export interface RunningServer extends AsyncDisposable {
  /** `host:port`, `[host]:port` for IPv6, or `unix:/path`. */
  readonly address: string
  readonly host: string
  /** 0 for a unix socket. */
  readonly port: number
  /** Undefined while it does not run, and where the test has no say over the process. */
  readonly pid: number | undefined
  /** The end of what it wrote to standard output and standard error, over all its starts. */
  logs(): string
  /** Freezes it: connections stay open and new ones are still accepted by the kernel. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves when it is gone. */
  terminate(): Promise<void>
  /** Starts it again on the same address, killing it first if it still runs. */
  restart(): Promise<void>
  /** Kills it for good and gives its port back. */
  stop(): Promise<void>
}

export interface ServerOptions {
  /** More flags; they come last and so override the defaults. */
  readonly args?: readonly string[] | undefined
  /** A loopback address; 127.0.0.1 by default. */
  readonly host?: string | undefined
  /** A free one by default. */
  readonly port?: number | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Directories named in `args` or `env`: a container sees them under the same path. */
  readonly directories?: readonly string[] | undefined
  /** Debian's release whose program it is, unpacked by `scripts/install-server-versions.mjs`. */
  readonly release?: string | undefined
  /** Where it comes from; by default as `serverSource` says. */
  readonly source?: ServerSource | undefined
}

export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly socket?: string | undefined
}

export const formatAddress = ({ host, port, socket }: Endpoint): string => {
  if (socket !== undefined) return `unix:${socket}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What makes a memcached a memcached, and a gearmand a gearmand, for the harness. */
export interface ServerKind {
  readonly name: 'memcached' | 'gearmand'
  /** The port inside a container. */
  readonly port: number
  /** Where users name servers of their own. */
  readonly variable: 'MEMCACHED_SERVERS' | 'GEARMAN_SERVERS'
  /** The flags that make it listen at the endpoint, `options.args` included. */
  flags(endpoint: Endpoint, options: ServerOptions, isRoot: boolean): readonly string[]
  /** What starts one in this process. @throws an Error for flags that such a server does not have. */
  embedded(options: ServerOptions): Promise<StartInProcess>
  /** A question and the start of its answer, or undefined where an accepted connection must do. */
  probe(options: ServerOptions): Probe | undefined
}

export interface Probe {
  readonly question: string
  readonly answer: string
}
